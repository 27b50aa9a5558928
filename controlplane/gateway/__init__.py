"""The authenticating reverse proxy: other programs' pages under the control plane's origin, session and roles."""
