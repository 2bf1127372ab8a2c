import { setImmediate as turn } from "node:timers/promises";
import { readAt } from "../../core/mod.ts";
import { type Contents, gather } from "./contents.ts";
import { isMember, type Member, type Need, readMembers } from "./members.ts";

/** Of the headers of a large member what its page holds is read; much more of small ones that lie close together. */
const [PAGE, LARGE] = [4096, 1 << 16];
const MEMBERS_PER_TURN = 2048;

/** Reads all headers of an open file of `total` bytes by position, and no bodies. Throws `corrupt`. */
export async function scan(fd: number, total: number): Promise<Contents> {
  const members = readMembers(total);
  const read = reader(fd);
  const found = gather();
  let count = 0;
  let step = members.next();
  while (!step.done) {
    const { value }: { value: Need | Member } = step;
    if (isMember(value)) {
      found.add(value);
      if (++count % MEMBERS_PER_TURN === 0) await turn();
      step = members.next(NOTHING);
    } else step = members.next(read(value.at, value.length));
  }
  return found.end(step.value);
}

const NOTHING = new Uint8Array(0);

/** Reads what is asked for, and a little more in case that is asked for next; much more where that was so before. */
function reader(fd: number): (at: number, length: number) => Uint8Array {
  const buffer = new Uint8Array(LARGE);
  let window = NOTHING;
  let start = 0;
  return (at, length) => {
    const end = start + window.length;
    if (at < start || at + length > end) {
      const size = at >= start && at - end < PAGE ? LARGE : PAGE - at % PAGE;
      const into = length > size ? new Uint8Array(length) : buffer.subarray(0, size);
      window = into.subarray(0, readAt(fd, into, at));
      start = at;
    }
    return window.subarray(at - start, at - start + length);
  };
}
