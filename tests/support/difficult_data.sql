-- Everything that a dump, a restore or a comparison could get wrong, for psql 14 or newer, as a superuser, into an
-- empty cluster. What it makes is the same each time: two clusters that ran it have the same pg_dumpall, but for the
-- passwords' salt.
\set ON_ERROR_STOP on
\set QUIET on
\o /dev/null
set client_min_messages = error;

-- Roles: names, passwords, limits, settings, memberships.
create role "o'Brien" login password 'secret' connection limit 5 valid until '2100-01-01 00:00:00+00';
create role "ro""le - naïve ☃" nologin createdb createrole;
create role "Group" nologin inherit;
create role reader login password 'it''s \ "p%w"' bypassrls;
grant "Group" to "o'Brien" with admin option;
grant "Group", pg_read_all_data to reader;
alter role reader set search_path = "weird, schema", public;
alter role reader set work_mem = '12MB';
comment on role "o'Brien" is E'a comment with ''quotes'', "double ones" and\na second line';

-- Databases: names that break whoever pastes them into a command.
create database "app data" owner "o'Brien";
create database "naïve=1 host=evil'";
create database "quo""te's \ $(reboot) `x` %s ;--";
create database "-dash";
create database "雪☃𝄞";
create database "UPPER" connection limit 7;
create database latin template template0 encoding 'LATIN1' locale 'C';
create database bytes template template0 encoding 'SQL_ASCII' locale 'C';
create database closed allow_connections false;
create database sixty_three_characters_are_the_longest_name_that_postgresql_ta;
comment on database "app data" is 'the one with "everything" in it';
alter database "app data" set search_path = "weird, schema", public;
alter database "app data" set "statement_timeout" = 0;
alter role reader in database "app data" set default_transaction_read_only = on;
revoke connect on database "app data" from public;
grant connect, temporary on database "app data" to reader;

\connect latin
create table "é" (t text);
insert into "é" values (convert_from('\xe9e8e0', 'LATIN1'));
\connect bytes
create table raw (t text);
set client_encoding = 'SQL_ASCII';
insert into raw values (E'\x80\xff');
reset client_encoding;
\connect "-dash"
create table "-dash" ("--" int primary key);
insert into "-dash" values (1);
\connect "雪☃𝄞"
create table "𝄞" ("雪" text check ("雪" <> '☃'));
insert into "𝄞" values ('雪'), (null);
\connect "quo""te's \ $(reboot) `x` %s ;--"
create table "ta""ble's \ $(reboot)" ("co""l\" text default 'd''e"f');
insert into "ta""ble's \ $(reboot)" default values;

\connect "app data"
set client_min_messages = error;
create schema "weird, schema" authorization "o'Brien";
create schema "Schema";
create extension hstore with schema "Schema";
comment on schema "Schema" is 'S';

-- Every type that a table can have, alone and as an array.
create type "Schema".mood as enum ('sad', 'it''s ok', 'happy');
alter type "Schema".mood add value 'so-so' after 'sad';
create domain "Schema".positive as numeric(30, 10) default 1 constraint "is > 0" check (value > 0);
create type "Schema".pair as (a int, "B b" text collate "C", moods "Schema".mood[]);
create type "Schema".floats as range (subtype = float8, subtype_diff = float8mi);
create domain "Schema".pairs as "Schema".pair[];
create table "weird, schema".types (
    id int primary key,
    c_bool bool, c_bytea bytea, c_char "char", c_name name, c_int8 int8, c_int2 int2, c_int2vector int2vector,
    c_int4 int4, c_regproc regproc, c_text text, c_oid oid, c_tid tid, c_xid xid, c_cid cid, c_oidvector oidvector,
    c_json json, c_xml xml, c_xid8 xid8, c_point point, c_lseg lseg, c_path path, c_box box, c_polygon polygon,
    c_line line, c_float4 float4, c_float8 float8, c_circle circle, c_money money, c_macaddr macaddr, c_inet inet,
    c_cidr cidr, c_macaddr8 macaddr8, c_aclitem aclitem, c_bpchar bpchar(9), c_varchar varchar(9), c_date date,
    c_time time, c_timestamp timestamp(3), c_timestamptz timestamptz, c_interval interval, c_timetz timetz, c_bit bit(9),
    c_varbit varbit, c_numeric numeric, c_refcursor refcursor, c_regprocedure regprocedure, c_regoper regoper,
    c_regoperator regoperator, c_regclass regclass, c_regcollation regcollation, c_regtype regtype, c_regrole regrole,
    c_regnamespace regnamespace, c_uuid uuid, c_pg_lsn pg_lsn, c_tsvector tsvector, c_tsquery tsquery,
    c_regconfig regconfig, c_regdictionary regdictionary, c_jsonb jsonb, c_jsonpath jsonpath,
    c_txid_snapshot txid_snapshot, c_pg_snapshot pg_snapshot,
    c_int4range int4range, c_int8range int8range, c_numrange numrange, c_tsrange tsrange, c_tstzrange tstzrange,
    c_daterange daterange, c_int4multirange int4multirange, c_int8multirange int8multirange,
    c_nummultirange nummultirange, c_tsmultirange tsmultirange, c_tstzmultirange tstzmultirange,
    c_datemultirange datemultirange,
    own_enum "Schema".mood, own_domain "Schema".positive, own_pair "Schema".pair, own_range "Schema".floats,
    own_multirange "Schema".floats_multirange, own_pairs "Schema".pairs, own_hstore "Schema".hstore
);
-- A type that PostgreSQL gets after this was written must be added above. Those left out can't be a value of a table,
-- or take no input.
do $$
declare forgotten text;
begin
    select string_agg(typname, ', ') into forgotten from pg_type
    where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm') and typcategory <> 'A'
        and typname not in ('int2vector', 'oidvector', 'unknown', 'gtsvector', 'pg_node_tree', 'pg_ndistinct',
            'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary')
        and not exists (select from pg_attribute
            where attrelid = '"weird, schema".types'::regclass and atttypid = pg_type.oid);
    if forgotten is not null then raise 'types without a column: %', forgotten; end if;
end$$;
insert into "weird, schema".types values (
    1,
    true, '\x00ff0a5c2e', E'\\', 'na me', 9223372036854775807, -32768, '1 2', -2147483648, 'pg_sleep',
    E'tab\tnewline\nreturn\rback\\slash \\. \\N quote''s "dq" \x01\x7f é☃𝄞', 4294967295, '(4294967295,65535)',
    '4294967295', '7', '1 4294967295', '{"a": [1,  2], "a": null, "\u2603": "\\"}', '<a b="c">&amp;<!-- x --></a>',
    '18446744073709551615', '(1e-300,-Infinity)', '[(0,0),(1,1)]', '[(0,0),(1,1),(2,0)]', '(2,2),(0,0)',
    '((0,0),(1,1),(2,0))', '{1,2,3}', '1.17549435e-38', '1.7976931348623157e+308', '<(1,2),3>', '12.34',
    '08:00:2b:01:02:03', '::ffff:1.2.3.4/128', '10.0.0.0/8', '08:00:2b:01:02:03:04:05', 'reader=r*w/"o''Brien"', 'pad',
    'vär', '4714-11-24 BC', '24:00:00', 'infinity', '-infinity', '1 year -2 mons 3 days -04:05:06.789', '23:59:60+15:59',
    B'101010101', B'1', 'NaN', 'a "cursor"', 'pg_size_pretty(bigint)', 'pg_catalog.^@', '+(int4,int4)',
    '"weird, schema".types', '"C"', '"Schema".mood', '"o''Brien"', '"weird, schema"',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'FFFFFFFF/FFFFFFFF', '''it''''s'':1A,2B word:3', '''a b'' & !c:*AB <-> d',
    'english', 'simple', '{"n": 123456789012345678901234567890.000, "t": "\u0001☃", "x": {}}',
    'strict $."a b"[*] ? (@ > 1 && @.size() < 3)', '10:20:10,14,15', '10:20:10,14,15',
    '[1,10)', 'empty', '(,1.50]', '["2000-01-01 00:00",infinity]', '(-infinity,"2000-01-01 00:00+00")', '[2000-01-01,)',
    '{[1,3),[7,9)}', '{}', '{(,1.5]}', '{["2000-01-01 00:00","2000-01-02 00:00")}',
    '{["2000-01-01 00:00+00",)}', '{[2000-01-01,2000-01-03)}',
    'it''s ok', 0.0000000001, '(1,"q""uo,te\\ (x)","{sad,""it''s ok""}")', '[-Infinity,1.5)', '{[1,2),[3,4)}',
    array[row(1, null, null)::"Schema".pair, null], '"a b"=>"c\"d", e=>NULL'
);
insert into "weird, schema".types (id, own_domain, c_numeric, c_text) values
    (2, 2, 'Infinity', ''), (3, 3, 1e-1000, repeat('toast me ', 100000)), (4, 4, -1e1000, null);
-- An array of each: with a null, with bounds of its own, with several dimensions.
do $$
declare one text; shape text;
begin
    for one, shape in
        select attname, format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = '"weird, schema".types'::regclass and attnum > 1 and attname <> 'own_pairs'
            and atttypid not in ('int2vector'::regtype, 'oidvector'::regtype)
        order by attnum
    loop
        execute format('create table "weird, schema".%I (id int, a %s[])', 'array of ' || one, shape);
        execute format(
            'insert into "weird, schema".%I select n, case n when 1 then array[%2$I, null] when 2 then ''{}''
             when 3 then array[array[%2$I, %2$I], array[%2$I, %2$I]] when 4 then null
             else (''[-1:0]='' || array[%2$I, %2$I]::text)::%3$s[] end
             from "weird, schema".types, generate_series(1, 5) n where id = 1',
            'array of ' || one, one, shape);
    end loop;
end$$;

-- Generated and identity columns, defaults, sequences, columns that are gone.
create sequence "Schema"."Seq" as smallint increment -3 minvalue -300 maxvalue 5 start 5 cache 7 cycle;
select nextval('"Schema"."Seq"'), nextval('"Schema"."Seq"');
create sequence "Schema".untouched;
create table "Schema".columns (
    always int generated always as identity (start 10 increment 5),
    by_default bigint generated by default as identity,
    gone text,
    price numeric not null default 1.5,
    total numeric generated always as (price * 2) stored,
    "select" text collate "C" default E'it''s\n"me"',
    small text, big text,
    unique ("select", price) include (always),
    constraint "p < 10" check (price < 10) no inherit
);
alter table "Schema".columns drop column gone;
alter table "Schema".columns alter column small set storage plain, alter column big set storage external;
alter table "Schema".columns alter column price set statistics 7, alter column price set (n_distinct = -0.5);
insert into "Schema".columns (price) values (1), (2.25), (3);
insert into "Schema".columns (always, price, "select") overriding system value values (7, 4, 'x');
alter table "Schema".columns set (fillfactor = 70, autovacuum_enabled = off);
alter table "Schema".columns replica identity full;
create table "Schema".nothing ();
insert into "Schema".nothing default values;
-- Without rows: a standby can't read them, and they don't survive a crash.
create unlogged table "Schema".unlogged (n int);

-- Partitions, of every kind, below one another, and attached with the columns in another order.
create table "Schema".measured (at date not null, region text, n int, primary key (at, region)) partition by range (at);
create table "Schema"."measured 2024" partition of "Schema".measured
    for values from ('2024-01-01') to ('2025-01-01') partition by list (region);
create table "Schema"."measured 2024 north" partition of "Schema"."measured 2024" for values in ('north', 'nörd');
create table "Schema"."measured 2024 rest" partition of "Schema"."measured 2024" default partition by hash (at);
create table "Schema"."measured 2024 rest 0" partition of "Schema"."measured 2024 rest"
    for values with (modulus 2, remainder 0);
create table "Schema"."measured 2024 rest 1" partition of "Schema"."measured 2024 rest"
    for values with (modulus 2, remainder 1);
create table "Schema"."measured old" (n int, region text not null, at date not null);
alter table "Schema".measured attach partition "Schema"."measured old" for values from (minvalue) to ('2024-01-01');
create table "Schema"."measured later" partition of "Schema".measured default;
insert into "Schema".measured
    select date '2023-06-01' + n * 20, (array['north', 'nörd', 'süd', 'it''s'])[n % 4 + 1], n from generate_series(0, 60) n;
create index on "Schema".measured (n);
-- Inheritance.
create table "Schema".parent (a int default 1, b text, check (a > 0));
create table "Schema".child (c int, a int default 2) inherits ("Schema".parent);
insert into "Schema".parent values (1, 'p');
insert into "Schema".child (b, c) values ('c', 3);

-- Constraints: deferred, in a circle, not valid, exclusion.
create table "Schema".chicken (id int primary key, egg int);
create table "Schema".egg (id int primary key, chicken int not null references "Schema".chicken deferrable initially deferred);
insert into "Schema".chicken values (1, 1);
insert into "Schema".egg values (1, 1);
alter table "Schema".chicken add foreign key (egg) references "Schema".egg on delete cascade on update set null;
insert into "Schema".chicken values (2, null);
create table "Schema".booking (id int, during tsrange, exclude using gist (during with &&) where (id > 0));
insert into "Schema".booking values (1, '[2024-01-01,2024-01-02)'), (2, '[2024-01-02,2024-01-03)');
create table "Schema".old_rows (n int);
insert into "Schema".old_rows values (-1);
alter table "Schema".old_rows add constraint "not valid" check (n > 0) not valid;

-- Functions, operators, aggregates, casts, collations.
create function "Schema"."add ""one""" (n int default 0, variadic more text[] default '{}') returns int
    language sql immutable strict parallel safe cost 3 begin atomic select n + 1; end;
create function "Schema".body(out a int, inout b text) returns setof record language plpgsql security definer
    set search_path = '' set work_mem = '8MB' as $body$begin a := 1; b := $x$it's $y$ \ "$x$ || b; return next; end$body$;
create procedure "Schema".proc(inout n int) language plpgsql as 'begin n := n + 1; commit; end';
create function "Schema".plus(a "Schema".pair, b "Schema".pair) returns int language sql immutable
    as 'select a.a + b.a';
create operator "Schema".|+| (leftarg = "Schema".pair, rightarg = "Schema".pair, function = "Schema".plus, commutator = operator("Schema".|+|));
create aggregate "Schema".longest(text) (sfunc = textcat, stype = text, initcond = 'it''s ');
create function "Schema".to_int("Schema".pair) returns int language sql immutable as 'select $1.a';
create cast ("Schema".pair as int) with function "Schema".to_int("Schema".pair) as assignment;
create collation "Schema"."Coll" (provider = icu, locale = 'de-u-co-phonebk', deterministic = false);
create table "Schema".collated (t text collate "Schema"."Coll");
insert into "Schema".collated values ('Äpfel'), ('Apfel');
create text search dictionary "Schema".dict (template = simple, stopwords = english);
create text search configuration "Schema".conf (copy = english);
alter text search configuration "Schema".conf alter mapping for asciiword with "Schema".dict, simple;

-- Indexes of every kind.
create table "Schema".indexed (id int, j jsonb, t text, p point, during int4range);
insert into "Schema".indexed
    select n, jsonb_build_object('n', n), md5(n::text), point(n, -n), int4range(n, n + 5) from generate_series(1, 500) n;
create unique index "unique, partial" on "Schema".indexed (id desc nulls last) where id > 10;
create index on "Schema".indexed using gin (j jsonb_path_ops);
create index on "Schema".indexed using gist (p);
create index on "Schema".indexed using spgist (during);
create index on "Schema".indexed using brin (id) with (pages_per_range = 4);
create index on "Schema".indexed using hash (t);
create index "expression" on "Schema".indexed (lower(t) text_pattern_ops, (id % 7)) include (p) with (fillfactor = 50);
alter index "Schema"."expression" alter column 2 set statistics 99;
alter table "Schema".indexed cluster on "expression";
create statistics "Schema".stats (ndistinct, dependencies, mcv) on id, t from "Schema".indexed;

-- Views, rules, triggers, policies.
create view "Schema"."view ☃" with (security_barrier) as
    select id as "i d", j ->> 'n' as n from "Schema".indexed where t ~ E'^[a-f''"\\\\]' with local check option;
create materialized view "Schema".materialized as select count(*) as n from "Schema".indexed;
create unique index on "Schema".materialized (n);
create materialized view "Schema".empty_view as select * from "Schema".materialized with no data;
create recursive view "Schema".counted (n) as values (1) union all select n + 1 from counted where n < 3;
create rule "do nothing" as on delete to "Schema".old_rows where old.n < 0 do instead nothing;
create function "Schema".touched() returns trigger language plpgsql as 'begin return new; end';
create trigger "it's a trigger" before insert or update of n on "Schema".old_rows
    for each row when (new.n is distinct from 5) execute function "Schema".touched('an "argument"');
create trigger off after delete on "Schema".old_rows referencing old table as gone
    for each statement execute function "Schema".touched();
alter table "Schema".old_rows disable trigger off;
create constraint trigger late after insert on "Schema".old_rows deferrable initially deferred
    for each row execute function "Schema".touched();
create function "Schema".on_event() returns event_trigger language plpgsql as 'begin end';
create event trigger "on event" on ddl_command_end when tag in ('CREATE SERVER') execute function "Schema".on_event();
create table "Schema".secrets (owner name default current_user, secret text);
insert into "Schema".secrets values ('reader', 'r'), ('o''Brien', 'o');
alter table "Schema".secrets enable row level security, force row level security, owner to "o'Brien";
create policy "own ""rows""" on "Schema".secrets as permissive for all to reader, "o'Brien"
    using (owner = current_user) with check (secret <> '');
create policy less on "Schema".secrets as restrictive for select using (length(secret) < 10);

-- Rights, also of single columns, of objects to come, and what was taken away.
grant usage on schema "Schema", "weird, schema" to reader, "Group";
grant select (id, c_text), update (c_text) on "weird, schema".types to reader;
grant all on "Schema".columns to "o'Brien" with grant option;
grant usage on sequence "Schema"."Seq" to reader;
grant usage on type "Schema".mood to reader;
revoke execute on function "Schema"."add ""one"""(int, text[]) from public;
alter default privileges for role "o'Brien" in schema "Schema" grant select on tables to "Group";
alter default privileges revoke execute on functions from public;
create foreign data wrapper "fdw" options (debug 'it''s');
create server "far away" type 'x' version '1' foreign data wrapper "fdw" options (host 'h''"');
create user mapping for reader server "far away" options (password 'it''s "secret" \');
create foreign table "Schema".foreign (a int options (column_name 'A') not null) server "far away" options (t 'x''y');
create publication "pub" for table "Schema".columns, "weird, schema".types with (publish = 'insert, update');

-- Comments, also on what is easily forgotten.
comment on table "weird, schema".types is E'line one\nline ''two'' \\ "three" ☃';
comment on column "weird, schema".types.c_text is '-- PostgreSQL database cluster dump complete';
comment on constraint "p < 10" on "Schema".columns is 'check';
comment on index "Schema"."expression" is 'index';
comment on function "Schema"."add ""one"""(int, text[]) is $$f$$;
comment on trigger "it's a trigger" on "Schema".old_rows is 't';
comment on policy less on "Schema".secrets is 'p';
comment on type "Schema".mood is 'm';
comment on operator "Schema".|+| ("Schema".pair, "Schema".pair) is 'o';

-- Text that looks like the end of a dump, or like psql's commands.
create table "Schema"."weird \. name" (j jsonb, b bytea, t text);
insert into "Schema"."weird \. name" values
    ('{"a":[1]}', '\x00ff', E'line\n\\.\n-- PostgreSQL database cluster dump complete'),
    (null, '', E'\\connect x\n\\! reboot\n\\restrict x\n$$;'), (null, null, E'\\N'), (null, null, '\N');

-- Large objects: empty, of several pages, with a hole, with rights and a comment.
select lo_create(900001);
select lo_from_bytea(900002, decode(repeat('00ff5c2e', 5000), 'hex'));
select lo_put(900002, 100000, 'after a hole');
alter large object 900002 owner to "o'Brien";
grant select on large object 900002 to reader;
comment on large object 900002 is 'large';

create table "Schema".many as select n, repeat(md5(n::text), 4) as filler from generate_series(1, 20000) n;
alter table "Schema".many add primary key (n);

\connect postgres
create table many as select n, repeat(md5(n::text), 4) as filler from generate_series(1, 20000) n;
select lo_from_bytea(900003, decode(repeat('00ff', 5000), 'hex'));
\connect template1
create table inherited (n int);
insert into inherited values (1);
\connect postgres
