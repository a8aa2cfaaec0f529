"""What differs by platform: autostart, single instance, notifications, kind of session, requirements."""
