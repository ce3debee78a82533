import { BASE_PATH } from "../base";

/** The service answered, but not with what was asked for; the message is its own and meant for the user. */
export class AnswerError extends Error {
  constructor(
    message: string,
    readonly status: number,
    /** Of a search that can't be understood: the place of its mistake, `column` counted from 1. */
    readonly place: { column: number; length: number } | null = null,
  ) {
    super(message);
  }
}

/** No answer at all: the service or the network is away. */
export class UnreachableError extends Error {}

/** A list becomes a parameter for each of its values. */
export type Parameters = Record<string, string | number | boolean | undefined | readonly string[]>;

/** The JSON of `GET /api/v1/{path}`. Undefined and empty parameters are left out. Throws AnswerError, UnreachableError. */
export async function get<T>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === "object") for (const one of value) query.append(name, one);
    else if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const address = `${BASE_PATH}/api/v1/${path}${query.size ? `?${query}` : ""}`;
  let response: Response;
  try {
    response = await fetch(address, { signal: signal ?? null, headers: { accept: "application/json" } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new UnreachableError("The query service doesn't answer. Is it running, and is the network there?");
  }
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as T;
}

async function refusal(response: Response): Promise<AnswerError> {
  try {
    const { message, column, length } = (await response.json()).error;
    return new AnswerError(String(message), response.status, column ? { column, length: length ?? 1 } : null);
  } catch {
    return new AnswerError(`The query service answered with HTTP ${response.status}.`, response.status);
  }
}
