"""The web API over predictors: `trus serve`. Deployment code: never imports the training stack."""
