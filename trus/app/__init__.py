"""The application for clinicians: static pages over the web API's models, on this computer or a clinic's server."""
