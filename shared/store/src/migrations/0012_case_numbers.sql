-- Matters are found by their case numbers, too. The rows beside the pages are folded again once, at the next start.
UPDATE store SET sealed = 0;
