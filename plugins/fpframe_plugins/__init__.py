"""The built-in components, one method per file; they import only public names of fpframe."""
