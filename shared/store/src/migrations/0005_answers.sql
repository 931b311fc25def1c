-- The first answers to an entry are found in order, however many there are.
DROP INDEX entry_by_answer;
CREATE INDEX entry_by_answer ON entry (journal, answers, seq);
