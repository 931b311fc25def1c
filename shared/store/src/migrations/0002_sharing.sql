-- Until when a matter is shown to an audience, in microseconds since 1970.
ALTER TABLE visible ADD COLUMN until_us BIGINT NOT NULL DEFAULT 9223372036854775807;
-- What is shown changes with a new scope.
CREATE INDEX visible_by_matter ON visible (matter);
-- Who knew.
CREATE INDEX audit_by_matter ON audit (matter, at_us, chain, seq);
