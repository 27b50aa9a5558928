"""Single sign-on with one OpenID Connect provider, which `settings.SINGLE_SIGN_ON` describes."""
