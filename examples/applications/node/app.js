'use strict';
// Writes orders through the write Service and reads through the read Service, until it is told to end (SIGTERM, Ctrl-C).
//
// PGHOST, PGPORT, PGDATABASE, PGUSER, and PGPASSWORD or PGPASSFILE lead to the write Service: pg reads them itself.
// READ_HOST is the read Service. What it has done is its last line, as JSON.

const { randomUUID } = require('node:crypto');
const { setTimeout: pauseFor } = require('node:timers/promises');
const { Pool } = require('pg');

const WRITERS = 2;
// So long a write or a read is tried before whoever asked for it gets the error.
const GIVE_UP_MS = 1000 * Number(process.env.GIVE_UP_SECONDS ?? 60);

function openPool(name, settings) {
  const pool = new Pool({
    application_name: `orders-${name}`,
    max: WRITERS,
    // The address of a pod that is gone does not answer: TCP would wait for two minutes.
    connectionTimeoutMillis: 5_000,
    // A server that vanished with its node says nothing either. pg has no tcp_user_timeout: this is what ends the wait.
    // It ends nothing on the server: the role's statement_timeout (schema.sql) is below it, and comes first.
    // (statement_timeout would be the server's, and is sent at connect: no pooler takes that.)
    query_timeout: 15_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // A session to a standby stays where it is, also when that is the primary by now, or another one has come.
    maxLifetimeSeconds: 300,
    ...settings,
  });
  // An idle connection that ends (each does in a switchover) is an event, which ends a process that does not listen.
  pool.on('error', (error) => console.error(`${name}: an idle connection has ended: ${error.message}`));
  return pool;
}

// Errors of this machine's network, and pg's own, which have no SQLSTATE.
const BROKEN = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_AGAIN|ENOTFOUND)/;
const LOST = /Connection terminated|timeout|timed out|not queryable|connection error/i;

// What PgBouncer says that will not be otherwise in a minute: its SQLSTATE is the same for everything.
const FINAL = /authentication failed|no such (user|database)|unsupported startup parameter/;
// After these the session is as good as before, if it is still there.
const SESSION_IS_GOOD = ['40001', '40P01', '55P03'];

// Whether the same may succeed on another connection, or a little later on this one.
function isWorthAnotherTry(error) {
  const state = error.code;
  if (state === undefined) {
    return LOST.test(error.message);
  }
  if (state === '08P01' && FINAL.test(error.message)) {
    return false;
  }
  return (
    BROKEN.test(state) ||
    /^08...$/.test(state) || // connection lost; also what PgBouncer says when it has no server
    ['57P01', '57P02', '57P03', '57P05'].includes(state) || // shut down, crashed, starting up, idle for too long
    state === '25006' || // read-only: the session is on a standby, or on a former primary
    ['40001', '40P01'].includes(state) || // serialization, a read in the way of replay; deadlock
    state === '55P03' || // a lock is held: perhaps by an earlier attempt whose commit still waits for a standby
    state === '53300' // too many connections
  );
}

// Does `work` on a connection of the pool, in one transaction.
async function once(pool, work) {
  const client = await pool.connect();
  // One that ends while it is used is an event, too; the query that waits fails with it.
  const ended = () => {};
  client.on('error', ended);
  let keep = false;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    keep = true;
    return result;
  } catch (error) {
    if (SESSION_IS_GOOD.includes(error.code)) {
      // One that is read-only stays so: another one is made to where the Service leads now.
      keep = await client.query('rollback').then(() => true, () => false);
    }
    throw error;
  } finally {
    client.off('error', ended);
    client.release(!keep);
  }
}

// Does `work` again and again until it was committed.
async function untilDone(pool, work, report) {
  const giveUp = performance.now() + GIVE_UP_MS;
  for (let pause = 50; ; pause = Math.min(pause * 2, 1000)) {
    try {
      return await once(pool, work);
    } catch (error) {
      if (!isWorthAnotherTry(error) || performance.now() > giveUp) throw error;
      report.retries += 1;
      console.error(`again in up to ${pause} ms: ${error.message}`);
      // Not all clients at the same moment.
      await pauseFor(pause * (0.5 + Math.random() / 2));
    }
  }
}

async function writeOrder(pool, writer, number, report) {
  // Made once, before the first attempt. A commit whose answer was lost may have happened: the next attempt then
  // inserts nothing, and whatever else the transaction does has to be left out.
  const key = randomUUID();
  const insert = 'insert into orders (id, writer, number) values ($1, $2, $3) on conflict (id) do nothing';
  // Without a name: a named statement is a prepared one, and does not go through a PgBouncer before 1.21.
  const work = async (client) => {
    const { rowCount } = await client.query(insert, [key, writer, number]);
    if (rowCount === 0) {
      // It is there, but a standby may not have it: a commit that was cut off while it waited for one is seen by all.
      // Only a commit that writes waits, for itself and for all before it.
      await client.query('update orders set number = number where id = $1', [key]);
    }
  };
  await untilDone(pool, work, report);
}

async function write(pool, stop, report) {
  let last = performance.now();
  while (!stop.aborted) {
    await writeOrder(pool, report.writer, report.acknowledged + 1, report);
    const now = performance.now();
    report.acknowledged += 1;
    report.longest_gap_ms = Math.max(report.longest_gap_ms, Math.round(now - last));
    last = now;
    await pauseFor(20);
  }
}

async function read(pool, stop, report) {
  const select = 'select pg_is_in_recovery() as from_standby, count(*) from orders';
  while (!stop.aborted) {
    const { rows } = await untilDone(pool, (client) => client.query(select), report);
    report.reads += 1;
    report.from_standbys += Number(rows[0].from_standby);
    await pauseFor(50);
  }
}

async function main() {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => stopping.abort());
  const stop = stopping.signal;
  const writers = Array.from({ length: WRITERS }, (_, n) => ({
    writer: `${process.env.WRITER ?? 'node'}-${n}`,
    acknowledged: 0,
    retries: 0,
    longest_gap_ms: 0,
  }));
  const reader = { reads: 0, from_standbys: 0, retries: 0 };
  let failed = null;
  const run = (task) =>
    task.catch((error) => {
      failed ??= `${error.code ?? error.name}: ${error.message}`;
      stopping.abort();
    });

  const writes = openPool('write', {});
  const reads = openPool('read', { host: process.env.READ_HOST });
  // What is under way is finished; nothing new is begun.
  await Promise.all([...writers.map((it) => run(write(writes, stop, it))), run(read(reads, stop, reader))]);
  await Promise.all([writes.end(), reads.end()]);
  console.log(JSON.stringify({ writers, reader, error: failed }));
  process.exitCode = failed ? 1 : 0;
}

main();
