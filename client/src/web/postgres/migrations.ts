/** Of the schema of the web page's records, in order. A published one is never changed. */
export const migrations: readonly string[] = [
  `
  create table setting (name text primary key, value text not null);

  -- The running instances. What one holds whose lease is over may be taken over by another.
  create table instance (id text primary key, until timestamptz not null);

  create table conversion (
    token text primary key,
    record jsonb not null,
    -- Of its results.
    bytes bigint not null default 0,
    preview bytea,
    -- The announcement, until it is published.
    message jsonb,
    -- The transaction and the instance that changed it last: how others find what is new.
    changed_in xid8 not null default pg_current_xact_id(),
    changed_by text not null,
    owner text generated always as (record ->> 'owner') stored,
    key text generated always as (record ->> 'key') stored,
    run_token text generated always as (record ->> 'runToken') stored,
    holder text generated always as (record ->> 'holder') stored,
    event_id text generated always as (record #>> '{announcement,eventId}') stored,
    created_at_ms bigint generated always as ((record ->> 'createdAtMs')::bigint) stored,
    finished_at_ms bigint generated always as ((record ->> 'finishedAtMs')::bigint) stored,
    deleted_at_ms bigint generated always as ((record ->> 'deletedAtMs')::bigint) stored,
    is_open boolean generated always as (record ->> 'state' = 'converting') stored,
    is_expected boolean generated always as (coalesce((record ->> 'isExpected')::boolean, false)) stored,
    is_unpublished boolean generated always as
      (coalesce(record #>> '{announcement,publishedAtMs}' = '0', false)) stored
  );
  create index on conversion (owner, created_at_ms);
  create index on conversion (run_token, created_at_ms);
  create index on conversion (finished_at_ms) where not is_open;
  create index on conversion (deleted_at_ms) where deleted_at_ms is not null;
  create index on conversion (event_id) where event_id is not null;
  create index on conversion (owner, key) where is_expected;
  create index on conversion (holder) where is_open or is_unpublished;
  create index on conversion (changed_in);

  -- Files that were ended before their upload, or removed: a later upload is refused.
  create table ended (
    owner text not null,
    key text not null,
    primary key (owner, key),
    -- Of a removed one: token, owner, key, runToken.
    identity jsonb,
    at timestamptz not null default now(),
    changed_in xid8 not null default pg_current_xact_id(),
    changed_by text not null
  );
  create index on ended (changed_in);

  create table run (
    run_token text primary key,
    run_id text not null,
    owner text not null,
    created_at timestamptz not null default now(),
    -- When an upload of it was last under way.
    active_at timestamptz not null default now()
  );
  create table counter (name text primary key, count int not null, until timestamptz not null);
  create table turn (task text primary key, next_at timestamptz not null);
  `,
  `
  -- A row is deleted once it has not changed for its lease: instance-lease.ts.
  alter table instance rename until to renewed_at;
  `,
  // The size of all results is summed from this index alone: the table has 2 kB for each record.
  'create index on conversion (bytes) where bytes > 0',
]
