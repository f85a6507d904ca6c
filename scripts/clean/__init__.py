"""Cleaning, per LA: from typed but dirty canonical tables to one row per referral, assessment, episode and child."""
