import { OperationError } from "@cpa-payouts/core";

/**
 * A failure of the embedded server. The message is one line that is shown to the user unchanged: what happened, where, and
 * what to do about it. `cause` is the underlying error, if any.
 */
export class EmbeddedPostgresError extends OperationError {
  override readonly name = "EmbeddedPostgresError";

  constructor(message: string, options?: { cause?: unknown }) {
    super(message.trim().replace(/\s*\n\s*/g, " "), options);
  }
}

/** The code of an error of Node, the operating system (`ENOENT`) or PostgreSQL (`53100`); undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Runs `work` and returns undefined when it fails with one of `codes`; other errors are rethrown. */
export async function unless<T>(codes: readonly string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (codes.includes(errorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** Runs `work` and converts a failed file operation in the data folder into an EmbeddedPostgresError that says what to do. */
export async function explained<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainFileError(error, dataDir);
  }
}

/** Errors without a code (bugs) are returned unchanged and keep their stack. */
function explainFileError(error: unknown, dataDir: string): unknown {
  const code = errorCode(error);
  if (error instanceof EmbeddedPostgresError || code === undefined || !(error instanceof Error)) return error;
  const path = "path" in error && typeof error.path === "string" ? error.path : dataDir;
  return new EmbeddedPostgresError(
    remedy(code, path, dataDir) ?? `The database folder ${dataDir} cannot be used: ${error.message}`,
    {
      cause: error,
    },
  );
}

const ANOTHER_FOLDER = "choose another folder with --data-dir, or set DATABASE_URL";

function remedy(code: string, path: string, dataDir: string): string | undefined {
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
    case "53100": // PostgreSQL: disk_full
      return diskFull(dataDir);
    case "EROFS":
      return `The database cannot be kept in ${dataDir}, because ${path} is on a read-only file system: ${ANOTHER_FOLDER}`;
    case "EACCES":
    case "EPERM":
      return `No permission for ${path}: run as the user who owns the database folder ${dataDir}, ${ANOTHER_FOLDER}`;
    case "EEXIST":
    case "ENOTDIR":
      return `A file is in the way of the database folder ${dataDir} (${path}): move it, ${ANOTHER_FOLDER}`;
    default:
      return undefined;
  }
}

/** Whether PostgreSQL's output means a full disk. After a short write it contains only the hint, not the error. */
export function meansDiskFull(output: string): boolean {
  return /No space left on device|Disk quota exceeded|Check free disk space/.test(output);
}

/** The message for a full disk, which this process, initdb or the server may run into. */
export function diskFull(dataDir: string): string {
  return `The disk of the database folder ${dataDir} is full: free some space (a new database takes about 50 MB) and start again`;
}
