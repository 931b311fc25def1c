-- Lists are filtered by the state of a matter, by the agencies for which it waits, and by its due day. The rows beside
-- the pages are folded again once, at the next start.
ALTER TABLE visible ADD COLUMN state {text} NOT NULL DEFAULT '';
ALTER TABLE visible ADD COLUMN waiting_for {text} NOT NULL DEFAULT '';
ALTER TABLE visible ADD COLUMN due_day {text} NOT NULL DEFAULT 'undated';
CREATE INDEX visible_by_state ON visible (noun, audience, state, opened_turn);
CREATE INDEX visible_by_waiting ON visible (noun, audience, waiting_for, opened_turn);
UPDATE store SET sealed = 0;
