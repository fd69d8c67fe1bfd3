import { E, linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { cString, errno, ErrnoError, libc } from "./libc.ts";

const { LOCK_EX, LOCK_NB, O_CLOEXEC, O_CREAT, O_RDONLY, O_RDWR } = linux;

/** Only the owner may read or write the file. */
const MODE = 0o600;

/** Opens the file, and makes it if need be; on a file system that is read-only one that is there will do. */
function open(path: string): Fd {
  const number = libc.open(cString(path), O_RDWR | O_CREAT | O_CLOEXEC, MODE);
  if (number >= 0) return new Fd(number);
  const failure = errno();
  if (failure !== E.EROFS && failure !== E.EACCES) throw new ErrnoError("open", failure, path);
  const readable = libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (readable < 0) throw new ErrnoError("open", failure, path);
  return new Fd(readable);
}

/** An exclusive lock on a file (`flock`). The kernel gives it back when the process ends, however it ends. */
export class FileLock implements Disposable {
  readonly #fd: Fd;

  private constructor(fd: Fd) {
    this.#fd = fd;
  }

  /**
   * Takes the lock on the file at `path`, which is made if it is not there. Does not wait.
   *
   * @returns null: another process, or another lock of this one, has it
   * @throws ErrnoError of `open` or `flock`
   */
  static take(path: string): FileLock | null {
    const fd = open(path);
    try {
      if (libc.flock(fd.number, LOCK_EX | LOCK_NB) === 0) return new FileLock(new Fd(fd.release()));
      const failure = errno();
      if (failure !== E.EAGAIN) throw new ErrnoError("flock", failure, path);
      return null;
    } finally {
      fd[Symbol.dispose]();
    }
  }

  /** Gives the lock back; the file stays. */
  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}
