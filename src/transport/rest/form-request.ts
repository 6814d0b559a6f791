/** What every form endpoint asks of a request before it reads a parameter: size, encoding, media type. */
import type { IncomingHttpHeaders } from "node:http";
import { invalidRequest } from "../../oauth/error.js";
import type { Credentials } from "../../oauth/request.js";
import { authorizationOf } from "../caller.js";
import { MAX_MESSAGE_BYTES } from "../limits.js";
import { parseFormBody, type FormBody, type KnownParameters } from "./form-body.js";
import type { RestRequest } from "./rest-message.js";

const FORM = "application/x-www-form-urlencoded";

/** Reads the form. Throws `invalid_request`. */
export function readForm(request: RestRequest, known: KnownParameters): FormBody {
  const { body, headers } = request;
  if (body === undefined) {
    throw invalidRequest("REQUEST_MALFORMED", `The body is larger than ${MAX_MESSAGE_BYTES} bytes.`);
  }
  if (isCompressed(headers)) {
    throw invalidRequest("REQUEST_MALFORMED", "A compressed body is not accepted. Send it without Content-Encoding.");
  }
  if (body.length > 0 || headers["content-type"] !== undefined) checkMediaType(headers["content-type"]);
  return parseFormBody(body, known);
}

/** Whether a form must not be read at all, as its headers already say so. */
export function isCompressed(headers: IncomingHttpHeaders): boolean {
  const encoding = headers["content-encoding"];
  return encoding !== undefined && encoding !== "" && encoding.toLowerCase() !== "identity";
}

/** The credentials of a form, not yet judged. */
export function credentialsOf(form: FormBody, request: RestRequest): Credentials {
  return {
    authorization: authorizationOf(request),
    clientId: form.client_id,
    clientSecret: form.client_secret,
    clientAssertion: form.client_assertion,
    clientAssertionType: form.client_assertion_type,
  };
}

function checkMediaType(value: string | undefined): void {
  if (value === FORM) return;
  const [type = "", ...parameters] = (value ?? "").split(";");
  if (type.trim().toLowerCase() !== FORM) {
    throw invalidRequest("REQUEST_MALFORMED", `The Content-Type must be ${FORM}.`);
  }
  for (const parameter of parameters) {
    const [name = "", charset = ""] = parameter.split("=");
    if (name.trim().toLowerCase() === "charset" && !/^"?utf-?8"?$/i.test(charset.trim())) {
      throw invalidRequest("REQUEST_MALFORMED", "The charset of the form must be utf-8.");
    }
  }
}
