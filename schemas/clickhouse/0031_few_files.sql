-- A path of a JSON column is about ten files of a large part, which merges and readers of the whole column open all at once.
-- So a merge keeps the most used as columns, and the others share some. Nothing is written anew for it.

ALTER TABLE events MODIFY SETTING merge_max_dynamic_subcolumns_in_wide_part = 64;
ALTER TABLE user_rows MODIFY SETTING merge_max_dynamic_subcolumns_in_wide_part = 64;
