import type { Mutation } from "./mutation.ts";
import { mutationsOf } from "./mutations_both.ts";
import { claimingMutations } from "./mutations_claiming.ts";
import { consultingMutations } from "./mutations_consulting.ts";
import { exactMutations } from "./mutations_exact.ts";

/** Each protection of the protocol, and how to take away that one alone. */
export const mutations: readonly Mutation[] = [
  ...mutationsOf({ protocol: "exact" }),
  ...mutationsOf({ protocol: "deadline" }),
  ...exactMutations,
  ...consultingMutations,
  ...claimingMutations,
];
