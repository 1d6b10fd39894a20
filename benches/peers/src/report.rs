//! The Markdown.
