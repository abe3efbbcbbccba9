#!/usr/bin/env bash
# Installs what a bare Debian 12 lacks, builds, and runs the main job or the tests.
#
#   ./setup.sh demo    install, build, show the supervised agents at work
#   ./setup.sh test    install, build, run every test
#   ./setup.sh deps    install only
#   ./setup.sh bench   install what the measurements compare with as well, build, measure
#
# Needs root, or a user who may use sudo, for Debian's packages; all else stays below build/.
set -euo pipefail
cd "$(dirname "$0")"

build_packages=(gcc g++ make git ca-certificates python3 bubblewrap
	libevent-dev libcurl4-openssl-dev libjansson-dev libtomlplusplus-dev libgit2-dev
	libseccomp-dev libssl-dev zlib1g-dev libbrotli-dev libzstd-dev)
test_packages=(clang clang-format clang-tidy cppcheck mandoc procps util-linux passwd zsh fish
	python3-jsonschema nghttp2-server tmux)
bench_packages=(nginx-light haproxy util-linux)

say() {
	echo "setup: $*"
}

fail() {
	echo "setup: $*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		fail "cannot run '$*': be root, or install sudo"
	fi
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
	local missing=() p
	command -v apt-get >/dev/null || fail "this script knows Debian's packages only; see README.md for what is needed"
	for p in "$@"; do
		is_installed "$p" || missing+=("$p")
	done
	# npm fetches the grammars and the agents; any Node.js from 18 on will do
	command -v npm >/dev/null || missing+=(nodejs npm)
	if [ ${#missing[@]} -eq 0 ]; then
		say "every Debian package needed is installed"
		return
	fi
	say "installing Debian packages: ${missing[*]}"
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# npm checks the integrity hash that the lock file has for each package.
install_locked() { # from, to, npm options
	local from=$1 to=$2
	shift 2
	mkdir -p "$to"
	if cmp -s "$from/package-lock.json" "$to/package-lock.json" && [ -e "$to/.complete" ]; then
		say "$to is up to date"
		return
	fi
	say "installing into $to what $from/package-lock.json names"
	rm -rf "$to/.complete" "$to/node_modules"
	cp "$from/package.json" "$from/package-lock.json" "$to/"
	(cd "$to" && npm ci --no-audit --no-fund --loglevel=error "$@")
	touch "$to/.complete"
}

install_all() {
	install_packages "${build_packages[@]}" "$@"
	install_locked deps build/deps --ignore-scripts --legacy-peer-deps
	install_locked tests/agents build/agents
}

build() {
	say "building"
	make -s -j"$(nproc)"
}

case "${1:-}" in
deps)
	install_all "${test_packages[@]}"
	;;
demo)
	install_all
	build
	say "running build/bin/pando-ai demo"
	exec build/bin/pando-ai demo
	;;
bench)
	install_all "${bench_packages[@]}"
	install_locked tests/bench/npm build/bench --ignore-scripts
	build
	say "measuring"
	exec make -s bench
	;;
test)
	install_all "${test_packages[@]}"
	build
	say "running the tests"
	exec make -s -j"$(nproc)" test
	;;
*)
	fail "usage: ./setup.sh demo | test | deps | bench"
	;;
esac
