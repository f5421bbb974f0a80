#!/usr/bin/env python3
"""Writes orders through the write Service and reads through the read Service, until it is told to end (SIGTERM, Ctrl-C).

PGHOST, PGPORT, PGDATABASE, PGUSER, and PGPASSWORD or PGPASSFILE lead to the write Service, as with every program that
uses libpq; READ_HOST is the read Service. What it has done is its last line, as JSON.
"""

import json
import os
import random
import re
import signal
import sys
import threading
import time
import uuid

import psycopg2
import psycopg2.extensions
from psycopg2.pool import ThreadedConnectionPool

WRITERS = 2
# So long a write or a read is tried before whoever asked for it gets the error.
GIVE_UP_SECONDS = float(os.environ.get("GIVE_UP_SECONDS", "60"))
# A session to a standby stays where it is, also when that is the primary by now, or another one has come.
MAX_LIFETIME_SECONDS = 300

# What a server or PgBouncer says that will not be otherwise in a minute. libpq has no SQLSTATE for a connection that
# could not be made, and PgBouncer's is the same for everything. In another language it is told when the time is up.
FINAL = re.compile(
    "authentication failed|no such (user|database)|(role|database) .* does not exist|unsupported startup parameter"
)
# After these the session is as good as before, if it is still there.
SESSION_IS_GOOD = ("40001", "40P01", "55P03")

SESSION = {
    # The address of a pod that is gone does not answer: TCP would wait for two minutes.
    "connect_timeout": 5,
    # A server that vanished with its node says nothing either: after 15 s it counts as lost.
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


class Session(psycopg2.extensions.connection):
    """A connection that knows its age: the pool of psycopg2 does not."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.made = time.monotonic()

    def is_of_use(self):
        return not self.closed and time.monotonic() < self.made + MAX_LIFETIME_SECONDS


def open_pool(name, users, **session):
    """Connects when somebody first asks: the application starts, too, when the database is away."""
    # One for each thread: when all are in use this pool lets nobody wait, it raises PoolError. But it connects while
    # it holds its lock: until then, for up to connect_timeout, nobody else gets one or gives one back.
    options = {"application_name": f"orders-{name}", **SESSION, **session}
    pool = ThreadedConnectionPool(0, users, dsn="", connection_factory=Session, **options)
    # So many are kept when they are not used. The constructor would make them at once.
    pool.minconn = users
    return pool


def is_worth_another_try(error):
    """Whether the same may succeed on another connection, or a little later on this one."""
    if not isinstance(error, psycopg2.Error):
        return False
    state = error.pgcode
    if state in (None, "08P01") and FINAL.search(str(error)):
        return False
    if state is None:
        # The connection broke, or none could be made: the server had no time to say why.
        return type(error) in (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.DatabaseError)
    return (
        state.startswith("08")  # connection lost; also what PgBouncer says when it has no server
        or state in ("57P01", "57P02", "57P03", "57P05")  # shut down, crashed, starting up, idle for too long
        or state == "25006"  # read-only: the session is on a standby, or on a former primary
        or state in ("40001", "40P01")  # serialization, a read in the way of replay; deadlock
        or state == "55P03"  # a lock is held: perhaps by an earlier attempt whose commit still waits for a standby
        or state == "53300"  # too many connections
    )


def rolls_back(connection):
    """Whether it could: the server may have ended the session."""
    try:
        connection.rollback()
        return True
    except psycopg2.Error:
        return False


def once(pool, work):
    """Does `work` on a connection of the pool, in one transaction."""
    connection = pool.getconn()
    keep = False
    try:
        # Not `with connection`: its rollback fails when the server has ended the session, and that error takes the
        # place of the server's, and of its SQLSTATE.
        with connection.cursor() as cursor:
            result = work(cursor)
        connection.commit()
        keep = connection.is_of_use()
        return result
    except psycopg2.Error as error:
        # One that is read-only stays so: another one is made to where the Service leads now.
        keep = error.pgcode in SESSION_IS_GOOD and rolls_back(connection) and connection.is_of_use()
        raise
    finally:
        pool.putconn(connection, close=not keep)


def until_done(pool, work, report):
    """Does `work` again and again until it was committed."""
    give_up = time.monotonic() + GIVE_UP_SECONDS
    pause = 0.05
    while True:
        try:
            return once(pool, work)
        except Exception as error:
            if not is_worth_another_try(error) or time.monotonic() > give_up:
                raise
            report["retries"] += 1
            print(f"again in up to {pause} s: {error}".strip(), file=sys.stderr)
            # Not all clients at the same moment.
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, 1)


def write_order(pool, writer, number, report):
    # Made once, before the first attempt. A commit whose answer was lost may have happened: the next attempt then
    # inserts nothing, and whatever else the transaction does has to be left out.
    key = str(uuid.uuid4())

    def work(cursor):
        cursor.execute(
            "insert into orders (id, writer, number) values (%s, %s, %s) on conflict (id) do nothing",
            (key, writer, number),
        )
        if cursor.rowcount == 0:
            # It is there, but a standby may not have it: a commit that was cut off while it waited for one is seen by
            # all. Only a commit that writes waits, for itself and for all before it.
            cursor.execute("update orders set number = number where id = %s", (key,))

    until_done(pool, work, report)


def write(pool, stop, report):
    last = time.monotonic()
    while not stop.is_set():
        write_order(pool, report["writer"], report["acknowledged"] + 1, report)
        now = time.monotonic()
        report["acknowledged"] += 1
        report["longest_gap_ms"] = max(report["longest_gap_ms"], round((now - last) * 1000))
        last = now
        stop.wait(0.02)


def read(pool, stop, report):
    def work(cursor):
        cursor.execute("select pg_is_in_recovery(), count(*) from orders")
        return cursor.fetchone()

    while not stop.is_set():
        from_standby, _ = until_done(pool, work, report)
        report["reads"] += 1
        report["from_standbys"] += from_standby
        stop.wait(0.05)


def main():
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    writing = [
        {"writer": f"{os.environ.get('WRITER', 'psycopg2')}-{n}", "acknowledged": 0, "retries": 0, "longest_gap_ms": 0}
        for n in range(WRITERS)
    ]
    reading = {"reads": 0, "from_standbys": 0, "retries": 0}
    failed = []

    def run(task, *arguments):
        try:
            task(*arguments)
        except Exception as error:
            failed.append(f"{type(error).__name__}: {error}")
            stop.set()

    # A server that can't write is no server for writes: such a session is refused while it is made.
    writes = open_pool("write", WRITERS, target_session_attrs="read-write")
    reads = open_pool("read", 1, host=os.environ["READ_HOST"])
    tasks = [threading.Thread(target=run, args=(write, writes, stop, report)) for report in writing]
    tasks.append(threading.Thread(target=run, args=(read, reads, stop, reading)))
    for task in tasks:
        task.start()
    stop.wait()
    # What is under way is finished; nothing new is begun.
    for task in tasks:
        task.join()
    writes.closeall()
    reads.closeall()
    print(json.dumps({"writers": writing, "reader": reading, "error": failed[0] if failed else None}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
