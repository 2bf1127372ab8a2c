import { crashes } from "./kills.ts";
import { scenarios } from "./scenarios.ts";

crashes("place", Object.keys(scenarios).filter((name) => !name.endsWith("in an archive")));
