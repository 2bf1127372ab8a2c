// The one door to fast-check.
import * as fc from "npm:fast-check@4.10.2";

export { fc };
