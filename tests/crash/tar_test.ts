import process from "node:process";
import { crashes } from "./kills.ts";
import { scenarios } from "./scenarios.ts";

/** What is done beside an archive is done as in a directory: it is tried only where all is. */
const all = process.env["STOWAGE_TEST_CRASH"] === "all";
const isOwn = (name: string) => name === "a push" || name.endsWith("in an archive");

crashes(
  "place.tar",
  Object.keys(scenarios).filter((name) => all ? name !== "an adoption" : isOwn(name)),
);
