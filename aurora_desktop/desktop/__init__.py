"""What differs by platform: autostart, single instance, notifications, kind of session, requirements.

It reads the environment, the state dir and the desktop's own services (systemd, D-Bus, launchd, the
registry), and writes only the lock and what autostart needs. It knows no Qt; everything here may block,
so the window calls it from a thread.
"""
