// The one door to ajv, a validator of JSON Schema that is not ours.
import { Ajv, type ValidateFunction } from "npm:ajv@8.20.0";

/** What judges values by a JSON Schema. */
export function validator(schema: object): ValidateFunction {
  return new Ajv({ strict: true, strictTypes: false, allErrors: true }).compile(schema);
}
