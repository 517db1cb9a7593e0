[
('    def __init__(self, name, help, make_step, options=()):\n        self.name, self.help, self.make_step, self.options = name, help, make_step, list(options)\n', '    def __init__(self, name, help, make_step, options=(), main=None):\n        self.name, self.help, self.make_step, self.options, self.main = name, help, make_step, list(options), main\n'),
('    make_step(choice) -> the step, for a choice that names a script or a module.\n', '    make_step(choice) -> the step, for a choice that names a script or a module.      main(choice) -> exit status: does all\n    in place of a loop, or None.\n'),
("        if not choice.runs_code() and not choice.get('command'):\n            raise", "        if choice.mode.main is not None:\n            return choice.mode.main(choice)\n        if not choice.runs_code() and not choice.get('command'):\n            raise"),
('        self.roots, self.files, self.users, self.imports, self.folders = [], set(), 0, {}, {}\n', '        self.roots, self.files, self.users, self.imports, self.folders = [], set(), 0, {}, {}\n        self.codes = {}\n'),
("        return compile(fresh.read(self.path), self.path, 'exec', 0, True)\n\n\nclass FreshFinder", "        code = fresh.codes[self.path] = compile(fresh.read(self.path), self.path, 'exec', 0, True)\n        return code\n\n\nclass FreshFinder")
]
