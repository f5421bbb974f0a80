-- The application makes the key, before it first sends a row: however often that is sent, it is one row.
create table if not exists orders (
    id      uuid primary key,
    writer  text not null,
    number  integer not null,
    written timestamptz not null default now()
);
-- For the role that runs this, in sessions from now on, also those of poolers (milliseconds). Below the 15 s after which
-- clients count a server as lost: a statement that is too long is ended by the server, which says so (57014, and nobody
-- tries it again), and not left running by a client that sends it once more.
alter role current_user set statement_timeout = 10000;
-- Whoever waits for a row longer than this tries again (55P03).
alter role current_user set lock_timeout = 5000;
