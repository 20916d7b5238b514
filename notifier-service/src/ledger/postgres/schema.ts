/**
 * The migrations of the ledger's schema, in order; published ones are never changed. Times are
 * milliseconds since 1970 by the database's clock, except those that SQL compares.
 */
export const migrations: readonly string[] = [
  `
  -- A notifier under one epoch. A row past its time is deleted before what it holds is free.
  create table holder (
    name text primary key,
    until timestamptz not null
  );
  -- No index on what a begun or settled attempt changes, and room in each page: such updates are HOT.
  create table mail (
    id text not null,
    source text not null,
    tag uuid not null, -- another with each change: who names it changes what he has read
    record json not null,
    holder text,
    attempt_until timestamptz, -- of an attempt: its body and the reply come before
    updated_at bigint not null,
    aged_at bigint not null, -- not later than updated_at
    in_lane boolean not null,
    conversion_id text,
    primary key (id, source)
  ) with (fillfactor = 70);
  create index on mail (aged_at);
  create index on mail (conversion_id) where conversion_id is not null;
  -- An event of a digest.
  create table member (
    id text not null,
    source text not null,
    digest_id text not null,
    digest_source text not null,
    conversion_id text,
    primary key (id, source)
  );
  create index on member (digest_id, digest_source);
  create index on member (conversion_id) where conversion_id is not null;
  -- A final outcome that is not announced yet.
  create table outcome (
    id text not null,
    source text not null,
    event json not null,
    updated_at bigint not null,
    holder text not null,
    primary key (id, source)
  );
  -- Of a lane's entries and of groups of events.
  create sequence number;
  create table lane (
    lane text primary key,
    due_at bigint, -- of its first mail, or of a digest that gathers
    holder text,
    claim uuid
  );
  create index on lane (due_at);
  -- A mail that waits, or with run a digest that gathers.
  create table entry (
    lane text not null,
    number bigint not null default nextval('number'),
    run text,
    gathered json,
    ref json,
    events bigint not null,
    not_before bigint not null,
    set_at bigint not null,
    primary key (lane, number)
  );
  create unique index on entry (lane, run) where run is not null;
  create table event (
    events bigint not null,
    position int not null,
    ref json not null,
    delivery json not null,
    primary key (events, position)
  );
  `,
  `
  -- A row is deleted once it has not changed for its lease: lease.ts.
  alter table holder rename until to renewed_at;
  alter table holder add lease_ms int not null default 15000;
  `,
]
