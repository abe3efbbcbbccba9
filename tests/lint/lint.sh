#!/usr/bin/env bash
# The static checks. `make lint` runs all; `tests/lint/lint.sh layout layers` runs those named.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

folders=(base policy shim gateway keeper sandbox mcp install tests)
mapfile -t c_files < <(find "${folders[@]}" -name '*.c' -not -path '*/node_modules/*' | sort)
mapfile -t h_files < <(find "${folders[@]}" -name '*.h' -not -path '*/node_modules/*' | sort)
include=(-std=c17 -D_GNU_SOURCE -I.)
ts=build/deps/node_modules/tree-sitter/vendor/tree-sitter/lib/include
system=(-isystem "$ts")
failed=0

report() { # name, status
	if [ "$2" -eq 0 ]; then
		echo "ok - lint $1"
	else
		echo "not ok - lint $1"
		failed=$((failed + 1))
	fi
}

layout() {
	clang-format --dry-run -Werror "${c_files[@]}" "${h_files[@]}"
}

# base <- policy <- programs; a program's client.h is all that another may take from it.
layers() {
	python3 tests/lint/layers.py
}

headers() {
	local bad=0 h
	for h in "${h_files[@]}"; do
		gcc "${include[@]}" "${system[@]}" -fsyntax-only -x c "$h" || bad=1
	done
	return $bad
}

tidy() {
	local flags="${include[*]} ${system[*]}"
	# shellcheck disable=SC2016 -- the inner shell expands them
	printf '%s\n' "${c_files[@]}" | FLAGS=$flags xargs -P "$(nproc)" -n 4 \
		sh -c 'clang-tidy --quiet "$@" -- $FLAGS' tidy >build/tidy.log 2>build/tidy.err
	local status=$?
	[ $status -eq 0 ] || cat build/tidy.log
	return $status
}

# Left out: leaks, since cppcheck does not know the cleanup attribute (ASan finds those),
# and thread advice, since there are none.
check() {
	cppcheck --quiet --std=c11 --language=c --error-exitcode=1 --inline-suppr -j "$(nproc)" \
		--enable=warning,performance,portability --library=posix \
		--suppress=resourceLeak --suppress=memleak --suppress=readdirCalled \
		--suppress=getpwuidCalled --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
		-D_GNU_SOURCE -D__GNUC__ -I. "${c_files[@]}"
}

# Nothing of this machine, and nothing generated, belongs in the tree.
words() {
	python3 tests/lint/words.py
}

manual() {
	local bad=0 page
	for page in man/*.[1-8]; do
		[ -e "$page" ] || continue
		mandoc -T lint -W warning "$page" || bad=1
	done
	return $bad
}

shell() {
	local bad=0 f
	for f in setup.sh .ci/run tests/lint/lint.sh; do
		bash -n "$f" || bad=1
	done
	bash -n share/completions/pando-ai.bash || bad=1
	! command -v zsh >/dev/null || zsh -n share/completions/_pando-ai || bad=1
	! command -v fish >/dev/null || fish -n share/completions/pando-ai.fish || bad=1
	python3 -m compileall -q tests >/dev/null || bad=1
	return $bad
}

mkdir -p build
if [ ! -d "$ts" ]; then
	echo "lint: $ts is missing: run ./setup.sh deps" >&2
	exit 1
fi
[ $# -gt 0 ] || set -- layout layers headers words shell manual check tidy
total=$#
for name in "$@"; do
	"$name"
	report "$name" $?
done
echo "$((total - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
