-- SPDX-License-Identifier: Apache-2.0
-- What an admin asked of one worker, beside what was asked of its site.

alter table workers
    add column intent text not null default 'open' check (intent in ('open', 'draining')),
    add column intent_by text,
    add column intent_at timestamptz,
    add column intent_why text;
comment on column workers.intent is 'What an admin asked of the worker: open takes work, draining finishes what it has.';
comment on column workers.intent_by is 'Who asked; null: nobody yet.';
comment on column workers.intent_at is 'When.';
comment on column workers.intent_why is 'Why, in the words of who asked.';

drop trigger world_changed on workers;
create trigger world_changed after insert or delete or update of offer_cpus, offer_memory, offer_gpus, offer_slots, offer_custom, intent, removed_at
    on workers for each statement execute function reeve_world_changed();
