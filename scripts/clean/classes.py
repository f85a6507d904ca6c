"""The classes that cleaning puts referrals into, column `is_cin`; unknown is the published code's own number."""

NO_FURTHER_ACTION, IN_NEED, UNKNOWN = 0, 1, 99
