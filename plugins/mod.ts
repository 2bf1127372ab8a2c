/**
 * The plugins that come with Stowage.
 *
 * @module
 */
import { OciError, type Plugin } from "../core/basics.ts";
import { commandsPlugin } from "./commands/mod.ts";
import { gcPlugin } from "./gc/mod.ts";
import { signPlugin } from "./sign/mod.ts";
import { tarPlugin } from "./tar/mod.ts";

export {
  type Action as SignAction,
  type Binding as SignBinding,
  type Form as SignForm,
  type Judged as SignJudged,
  type NewKey,
  type NewKeyOptions,
  newSigningKey,
  type Policy as SignPolicy,
  type PublicKey as SignPublicKey,
  readPolicy,
  readSigner,
  readVerifier,
  type Reason as SignReason,
  type Rule as SignRule,
  type Scheme as SignScheme,
  type Seen as SignSeen,
  type Signer,
  signHook,
  type SignOptions,
  signState,
  type State as SignState,
  type Target as SignedTarget,
  type TrustedKey as SignTrustedKey,
  trustKeys,
  type Verdict as SignVerdict,
  verifyName,
  type VerifyOptions,
  type Warning as SignWarning,
} from "./sign/mod.ts";

export {
  collectGarbage,
  type Fate,
  type GcBudget,
  type GcDropped,
  type GcFailed,
  type GcMode,
  type GcObject,
  type GcPhases,
  type GcPlan,
  type GcReferences,
  type GcReport,
  type GcRequest,
  type GcSpared,
  type GcTotals,
  type GcTrash,
  type GcUndone,
  type GcWarning,
  planCollection,
  readRetention,
  type RetentionPolicy,
  type RetentionRule,
  undoCollection,
} from "./gc/mod.ts";

/** The backend of one scheme; its plugin is loaded, once, when the first place is opened. */
function lazily(name: string, scheme: string, load: () => Promise<Plugin>): Plugin {
  let loading: Promise<Plugin> | undefined;
  return {
    name,
    backends: {
      [scheme]: async (url, options) => {
        const { backends } = await (loading ??= load());
        const open = backends?.[scheme];
        if (open) return await open(url, options);
        throw new OciError("unsupported", `Cannot open "${scheme}:": its plugin does not bring it`);
      },
    },
  };
}

/** The plugins of the program and of the library. */
export const builtins: readonly Plugin[] = [
  lazily("dir", "dir", async () => (await import("./dir/mod.ts")).directoryPlugin),
  tarPlugin,
  lazily("memory", "mem", async () => (await import("./memory/mod.ts")).memory()),
  lazily("s3", "s3", async () => (await import("./s3/mod.ts")).s3Plugin),
  commandsPlugin,
  gcPlugin,
  signPlugin,
];
