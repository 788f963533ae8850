/** The one way to the API: typed calls, the token that writes need, and every failure as one kind of error. */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

export interface Detail {
  at: string;
  message: string;
}

/** What went wrong, as the API said it; status 0 where it could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly body: Record<string, unknown> = {},
    readonly requestId: string | null = null,
  ) {
    super(message);
  }

  get details(): Detail[] {
    return (this.body.details as Detail[] | undefined) ?? [];
  }

  /** What is said of one field of a form. */
  at(field: string): string | undefined {
    return this.details.find((detail) => detail.at === field || detail.at.startsWith(`${field}.`))?.message;
  }
}

// Where the cookie is gone altogether, the API takes whoever asks for a server without its key.
const SIGNED_OUT = ["no_session", "unknown_secret_key"];

let csrfToken = "";
let onSignedOut = () => {};

export function rememberToken(token: string): void {
  csrfToken = token;
}

/** `told` is called whenever an answer says that nobody is signed in any more. */
export function watchSession(told: () => void): void {
  onSignedOut = told;
}

export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });

api.use({
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What the call answers. Throws ApiError. */
export async function call<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch {
    throw new ApiError(0, "offline", "");
  }
  if (answer.response.ok) return answer.data as T;
  const body = (answer.error && typeof answer.error === "object" ? answer.error : {}) as Record<string, unknown>;
  const error = new ApiError(
    answer.response.status,
    String(body.code ?? "unknown"),
    String(body.message ?? answer.response.statusText),
    body,
    answer.response.headers.get("x-request-id"),
  );
  if (SIGNED_OUT.includes(error.code)) onSignedOut();
  throw error;
}
