// Archives of tests: opened, taken apart, and made by hand.
import { Buffer } from "node:buffer";
import type { BackendOptions } from "../../../core/mod.ts";
import { archiveUrl } from "../../../plugins/tar/mod.ts";
import { usual } from "../../opening.ts";
import { openTar, type TarBackend, type TarOptions } from "../../../plugins/tar/open.ts";

/** Opens an archive. */
export function openAt(
  path: string,
  options: Partial<BackendOptions> = {},
  how: TarOptions = {},
): Promise<TarBackend> {
  return openTar(archiveUrl(path), { ...usual, ...options }, how);
}

/** A field of a header made by hand. */
export interface Field {
  readonly name: string;
  readonly type?: string;
  readonly body?: string | Uint8Array;
  /** The twelve bytes of the size, if they are not what they should be. */
  readonly size?: string | Uint8Array;
  readonly link?: string;
  readonly prefix?: string;
  readonly magic?: string;
  readonly checksum?: string;
}

/** A member as its blocks, by somebody else's hand. */
export function member(
  { name, type = "0", body = "", size, link, prefix, magic, checksum }: Field,
) {
  const bytes = Buffer.from(body);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0" + "0001750\0" + "0001750\0", 100);
  const length = size ?? bytes.length.toString(8).padStart(11, "0") + "\0";
  Buffer.from(length as string).copy(header, 124);
  header.write("14000000000\0", 136);
  header.write(type, 156);
  if (link) header.write(link, 157);
  header.write(magic ?? "ustar\x0000", 257);
  if (prefix) header.write(prefix, 345);
  header.fill(" ", 148, 156);
  const sum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(checksum ?? sum.toString(8).padStart(6, "0") + "\0 ", 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - bytes.length % 512) % 512)]);
}

/** Members, and the two blocks that end an archive. */
export function archive(...members: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...members, Buffer.alloc(1024)]);
}

/** An extension header with these records. */
export function pax(records: Readonly<Record<string, string>>, type = "x"): Buffer {
  const text = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const bytes = Buffer.byteLength(rest);
    let length = bytes + 1;
    while (`${length}`.length + bytes !== length) length++;
    return `${length}${rest}`;
  }).join("");
  return member({ name: "PaxHeaders/x", type, body: text });
}

export const MARKER = member({ name: "oci-layout", body: '{"imageLayoutVersion":"1.0.0"}' });
