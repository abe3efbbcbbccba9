#include "mcp/lang/lang.h"

#include "base/buf.h"
#include "tests/unit/test.h"

enum { LIST_MAX = 65536 };

static void
on_found(void *to, const struct lang_def *d)
{
	struct buf *b = to;

	buf_printf(b, "%u-%u %s " STR_FMT "%s" STR_FMT "\n", d->line, d->end_line,
		lang_kind_name(d->kind), STR_ARG(d->name), d->within.n > 0 ? " in " : "",
		STR_ARG(d->within));
}

static void
scans_to(enum lang l, const char *text, const char *want, const char *what)
{
	struct buf b = BUF_INIT(LIST_MAX);
	const struct lang_sink sink = { on_found, &b };
	struct err e = ERR_INIT;

	ok_int(lang_scan(l, str_of(text), &sink, NULL, &e), 0, what);
	ok_str(buf_text(&b), want, what);
	buf_fini(&b);
}

static void
c_has_functions_types_and_macros(void)
{
	scans_to(LANG_C,
		"#include <stdio.h>\n"
		"#include \"base/a.h\"\n"
		"#define MAX 3\n"
		"#define ADD(a, b) \\\n\t((a) + (b))\n"
		"struct node {\n\tint a;\n\tstruct node *next, **prev;\n};\n"
		"enum kind { RED, GREEN = 2 };\n"
		"typedef struct node node_t;\n"
		"typedef int (*callback)(void *);\n"
		"typedef struct { int x; } anon_t;\n"
		"union u { int i; float f; };\n"
		"static int count = 0, *ptr;\n"
		"extern int (*hook)(int);\n"
		"struct node *make(int a);\n"
		"static const struct node *\nmake(int a)\n{\n\tint local = 1;\n\treturn 0;\n}\n"
		"int (paren)(void) { return 0; }\n"
		"struct node *use(struct node *n) { return n; }\n",
		"1-1 import stdio.h\n"
		"2-2 import base/a.h\n"
		"3-3 macro MAX\n"
		"4-5 macro ADD\n"
		"6-9 struct node\n"
		"7-7 field a in node\n"
		"8-8 field next in node\n"
		"8-8 field prev in node\n"
		"10-10 enum kind\n"
		"10-10 constant RED in kind\n"
		"10-10 constant GREEN in kind\n"
		"11-11 type node_t\n"
		"12-12 type callback\n"
		"13-13 type anon_t\n"
		"13-13 field x in anon_t\n"
		"14-14 union u\n"
		"14-14 field i in u\n"
		"14-14 field f in u\n"
		"15-15 variable count\n"
		"15-15 variable ptr\n"
		"16-16 variable hook\n"
		"17-17 prototype make\n"
		"18-23 function make\n"
		"24-24 function paren\n"
		"25-25 function use\n",
		"C");
}

static void
c_survives_what_it_cannot_parse(void)
{
	scans_to(LANG_C,
		"int before(void) { return 1; }\n#if X\nint (((\n#endif\n"
		"int after(void) { return 2; }\n",
		"1-1 function before\n5-5 function after\n", "a broken line between");
	scans_to(LANG_C, "#ifdef A\nint a(void) { }\n#else\nint b(void) { }\n#endif\n",
		"2-2 function a\n4-4 function b\n", "both branches");
	scans_to(LANG_C, "extern \"C\" {\nint f(void);\n}\n", "2-2 prototype f\n",
		"linkage");
	scans_to(LANG_C, "", "", "nothing");
}

static void
javascript_has_functions_in_all_their_forms(void)
{
	scans_to(LANG_JAVASCRIPT,
		"import x from 'lib';\n"
		"export function f(a) { function inner() {} const local = 1; }\n"
		"function* gen() {}\n"
		"const arrow = async (a) => {\n  return a;\n};\n"
		"let n = 1, { a, b: [c], ...d } = o;\n"
		"export class K extends B {\n"
		"  static s = 1;\n"
		"  #p = () => 1;\n"
		"  constructor() { super(); }\n"
		"  get v() { return 1; }\n"
		"  async m() {}\n"
		"}\n"
		"exports.out = function () {};\n"
		"K.prototype.late = () => 1;\n"
		"const obj = { key: () => 1, 'quoted': function () {}, short() {}, v: 2 };\n"
		"const Made = class { m2() {} };\n"
		"export default function () {}\n",
		"1-1 import lib\n"
		"2-2 function f\n"
		"2-2 function inner in f\n"
		"3-3 function gen\n"
		"4-6 function arrow\n"
		"7-7 variable n\n"
		"7-7 variable a\n"
		"7-7 variable c\n"
		"7-7 variable d\n"
		"8-14 class K\n"
		"9-9 field s in K\n"
		"10-10 method #p in K\n"
		"11-11 method constructor in K\n"
		"12-12 method v in K\n"
		"13-13 method m in K\n"
		"15-15 function out\n"
		"16-16 function late\n"
		"17-17 variable obj\n"
		"17-17 method key in obj\n"
		"17-17 method quoted in obj\n"
		"17-17 method short in obj\n"
		"18-18 class Made\n"
		"18-18 method m2 in Made\n"
		"19-19 function default\n",
		"JavaScript");
}

static void
typescript_adds_types(void)
{
	scans_to(LANG_TYPESCRIPT,
		"export interface Shape {\n  area(): number;\n  name: string;\n}\n"
		"export type Id = string | number;\n"
		"export enum Color { Red, Green }\n"
		"namespace N {\n  export const inN = 1;\n  export function g() {}\n}\n"
		"declare function ext(a: string): void;\n"
		"export abstract class A<T> implements Shape {\n"
		"  private x: number = 1;\n"
		"  abstract area(): number;\n"
		"  @dec() run = (): void => {};\n"
		"}\n"
		"export function over(a: string): void;\n"
		"export function over(a: any) {}\n"
		"export const typed: Fn = (a) => a;\n"
		"@Component({})\nexport class D {}\n",
		"1-4 interface Shape\n"
		"2-2 prototype area in Shape\n"
		"3-3 field name in Shape\n"
		"5-5 type Id\n"
		"6-6 enum Color\n"
		"7-10 namespace N\n"
		"8-8 variable inN in N\n"
		"9-9 function g in N\n"
		"11-11 prototype ext\n"
		"12-16 class A\n"
		"13-13 field x in A\n"
		"14-14 prototype area in A\n"
		"15-15 method run in A\n"
		"17-17 prototype over\n"
		"18-18 function over\n"
		"19-19 function typed\n"
		"20-21 class D\n",
		"TypeScript");
	scans_to(LANG_TSX,
		"export const App: FC = () => {\n  const [a, setA] = useState(1);\n"
		"  const click = () => 1;\n  return <div onClick={() => 2}>{a}</div>;\n};\n"
		"function Plain() { return <b/>; }\n",
		"1-5 function App\n3-3 function click in App\n6-6 function Plain\n",
		"TSX");
}

static void
python_has_methods_and_module_names(void)
{
	scans_to(LANG_PYTHON,
		"from __future__ import annotations\n"
		"import os, sys as system\n"
		"from .pkg import thing\n"
		"LIMIT: int = 3\n"
		"a, (b, *c) = f()\n"
		"double = lambda x: 2 * x\n"
		"obj.attr = 1\n"
		"@decorator\n@other(1)\nasync def run(a):\n    local = 1\n    def inner():\n"
		"        pass\n    return inner\n"
		"class K(Base):\n    attr = 1\n    def m(self):\n        self.x = 1\n"
		"    @property\n    def p(self):\n        return 1\n    class Nested:\n"
		"        def deep(self): ...\n"
		"if True:\n    conditional = 1\n"
		"type Pair[T] = tuple[T, T]\n",
		"1-1 import __future__\n"
		"2-2 import os\n"
		"2-2 import sys\n"
		"3-3 import .pkg\n"
		"4-4 variable LIMIT\n"
		"5-5 variable a\n"
		"5-5 variable b\n"
		"5-5 variable c\n"
		"6-6 function double\n"
		"8-14 function run\n"
		"12-13 function inner in run\n"
		"15-23 class K\n"
		"16-16 field attr in K\n"
		"17-18 method m in K\n"
		"19-21 method p in K\n"
		"22-23 class Nested in K\n"
		"23-23 method deep in Nested\n"
		"25-25 variable conditional\n"
		"26-26 type Pair\n",
		"Python");
	scans_to(LANG_PYTHON,
		"def ok(): pass\ndef broken(:\n    x =\nclass After:\n    pass\n"
		"def last(): pass\n",
		"1-1 function ok\n4-5 class After\n6-6 function last\n", "broken Python");
}

static void
languages_are_told_by_the_path(void)
{
	static const struct {
		const char *path;
		int want; /* -1: none */
	} rows[] = {
		{ "a.c", LANG_C },
		{ "x/y.h", LANG_C },
		{ "a.test.ts", LANG_TYPESCRIPT },
		{ "a.tsx", LANG_TSX },
		{ "a.mjs", LANG_JAVASCRIPT },
		{ "a.jsx", LANG_JAVASCRIPT },
		{ "a.pyi", LANG_PYTHON },
		{ ".c", -1 },
		{ "a.cpp", -1 },
		{ "Makefile", -1 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		enum lang l = LANGS;
		const bool got = lang_of_path(str_of(rows[i].path), &l);

		ok_int(got ? (int)l : -1, rows[i].want, rows[i].path);
	}
}

static void
deep_text_is_bounded(void)
{
	enum { DEEP = 20000, DEEP_MAX = 1 << 20 };
	struct buf b = BUF_INIT(DEEP_MAX);
	struct buf found = BUF_INIT(LIST_MAX);
	const struct lang_sink sink = { on_found, &found };
	struct err e = ERR_INIT;

	for (int i = 0; i < DEEP; i++)
		buf_puts(&b, "(");
	buf_puts(&b, "\ndef after(): pass\n");
	ok(lang_scan(LANG_PYTHON, buf_str(&b), &sink, NULL, &e) <= 0, "it comes back");
	buf_fini(&found);
	buf_fini(&b);
}

int
main(void)
{
	c_has_functions_types_and_macros();
	c_survives_what_it_cannot_parse();
	javascript_has_functions_in_all_their_forms();
	typescript_adds_types();
	python_has_methods_and_module_names();
	languages_are_told_by_the_path();
	deep_text_is_bounded();
	return test_done();
}
