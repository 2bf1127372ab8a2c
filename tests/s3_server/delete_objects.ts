// DeleteObjects: many keys in one request, each with its own outcome.
import { isExpired } from "./claim_checks.ts";
import { checkBody } from "./about.ts";
import { checkDelete } from "./conditions.ts";
import { type Context, xmlAnswer } from "./context.ts";
import { type S3Answer, text } from "./message.ts";
import { Problem, problems } from "./problem.ts";
import { remove } from "./objects.ts";
import { all, type Content, type Read, readXml, textOf } from "./xml.ts";

interface Target {
  readonly key: string;
  readonly id: string | undefined;
  readonly etag: string | undefined;
}

function checkIntegrity({ request: { headers }, switches }: Context): void {
  if (switches.deleteObjects === 501) throw problems.notImplemented("delete");
  const md5 = headers["content-md5"] !== undefined;
  const checksum = Object.keys(headers).some((name) =>
    name.startsWith("x-amz-checksum-") && name !== "x-amz-checksum-algorithm"
  );
  const missing = {
    md5: !md5,
    checksum: !checksum,
    either: !md5 && !checksum,
    none: false,
  }[switches.deleteObjects.needs];
  if (missing) {
    throw problems.invalidRequest(
      switches.deleteObjects.needs === "md5"
        ? "Missing required header for this request: Content-MD5"
        : "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    );
  }
}

const targetOf = (object: Read): Target => ({
  key: textOf(object, "Key") ?? "",
  id: textOf(object, "VersionId"),
  etag: textOf(object, "ETag"),
});

function outcomeOf(context: Context, { key, id, etag }: Target): Content {
  const { switches: { deleteObjects, conditions, auth, clock }, request, now } = context;
  const about = { Key: key, VersionId: id };
  const failing = deleteObjects === 501
    ? undefined
    : Object.entries(deleteObjects.failing).find(([prefix]) => key.startsWith(prefix))?.[1];
  try {
    if (clock.expiry === "by key" && isExpired(request, now())) {
      throw problems.accessDenied("Request has expired");
    }
    if (failing !== undefined) throw new Problem(500, failing, failing);
    if (auth.deny.some(({ op, prefix = "" }) => op === "DeleteObject" && key.startsWith(prefix))) {
      throw problems.accessDenied();
    }
    if (etag !== undefined && conditions.perKey === "honoured") {
      checkDelete({
        ...context,
        key,
        switches: { ...context.switches, conditions: { ...conditions, delete: "honoured" } },
        request: { ...context.request, headers: { "if-match": etag } },
      });
    }
    const { "x-amz-delete-marker": marker, "x-amz-version-id": version }: Record<string, string> =
      remove(context, id, key);
    return {
      Deleted: {
        ...about,
        DeleteMarker: marker,
        DeleteMarkerVersionId: marker === undefined ? undefined : version,
      },
    };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { Error: { ...about, Code: error.code, Message: error.message } };
  }
}

export function deleteObjects(context: Context): S3Answer {
  const { switches: { deleteObjects: how, conditions }, request } = context;
  checkIntegrity(context);
  if (how !== 501 && how.checked) checkBody(context);
  const xml = readXml(text(request.body));
  const targets = xml?.name === "Delete" ? all(xml, "Object").map(targetOf) : [];
  const most = how === 501 ? 0 : how.maximum;
  if (!xml || targets.length === 0 || targets.length > most) throw problems.malformedXml();
  if (conditions.perKey === "MalformedXML" && targets.some(({ etag }) => etag !== undefined)) {
    throw problems.malformedXml();
  }
  const quiet = textOf(xml, "Quiet") === "true";
  const silent = how === 501 ? [] : how.silent;
  const outcomes = targets.flatMap((target) => {
    const outcome = outcomeOf(context, target);
    if (silent.some((prefix) => target.key.startsWith(prefix))) return [];
    return quiet && typeof outcome === "object" && "Deleted" in outcome ? [] : [outcome];
  });
  const of = (name: string) =>
    outcomes.flatMap((outcome) =>
      typeof outcome === "object" && name in outcome ? [outcome[name] as Content] : []
    );
  return xmlAnswer(context, "DeleteResult", { Deleted: of("Deleted"), Error: of("Error") });
}
