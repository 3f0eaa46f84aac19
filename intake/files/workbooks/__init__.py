"""Workbooks (.xlsx, .ods): read in a process of their own, which holds nothing of ours and can be killed."""
