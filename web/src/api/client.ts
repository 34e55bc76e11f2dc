/** Requests to the server this page came from, typed by its own description. */
import type { Routes } from './routes';
import type { Problem } from './schema';

type Filled<Path> = Path extends `${infer Start}{${string}}${infer Rest}` ? `${Start}${string}${Filled<Rest>}` : Path;

/** The server answered, and refused. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | null,
  ) {
    super(problem?.detail ?? `status ${status}`);
  }
}

/** No answer came: offline, or the server is away. */
export class UnreachableError extends Error {}

const PATIENCE_MS = 15_000;

/** The address of a route. */
export function address<Path extends keyof Routes>(
  path: Path | Filled<Path>,
  query: Partial<Routes[Path]['query']> = {},
): string {
  const entries = Object.entries(query as Record<string, string | number | undefined>);
  const text = new URLSearchParams(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])));
  return text.size ? `${path}?${text}` : path;
}

/** The answer of a route, as its description promises. */
export async function get<Path extends keyof Routes, Answer extends Routes[Path]['answer'] = Routes[Path]['answer']>(
  path: Path | Filled<Path>,
  query: Partial<Routes[Path]['query']> = {},
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(address<Path>(path, query), { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new UnreachableError(String(error));
  }
  if (!response.ok) {
    const kind = response.headers.get('content-type') ?? '';
    const problem = kind.includes('problem+json') ? ((await response.json()) as Problem) : null;
    if (response.status >= 502 && !problem) throw new UnreachableError(`status ${response.status}`);
    throw new RefusedError(response.status, problem);
  }
  return (await response.json()) as Answer;
}
