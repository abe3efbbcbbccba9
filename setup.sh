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

# One more version of an agent, as the package that holds its program for this machine.
install_version() { # agent, version, package, program in it
	local to=build/versions/$1-$2
	if [ -e "$to/.complete" ]; then
		say "$to is up to date"
		return
	fi
	say "installing $1 $2 into $to"
	rm -rf "$to"
	mkdir -p "$to/.bin"
	npm install --prefix "$to" --no-package-lock --ignore-scripts --engine-strict=false \
		--no-audit --no-fund --loglevel=error "$3"
	ln -s "../node_modules/$4" "$to/.bin/$1"
	touch "$to/.complete"
}

pinned_version() { # package
	node -p "require('./tests/agents/package.json').dependencies['$1']"
}

# The oldest version that is supported and the newest that npm has, beside the pinned ones. The
# newest is the one that npm's tag names: an install of @latest takes an older one where
# Node.js is older than the package wants, and the program needs no Node.js at all.
install_versions() {
	local arch triple version wanted=() old
	case "$(uname -m)" in
	x86_64) arch=linux-x64 triple=x86_64-unknown-linux-musl ;;
	aarch64) arch=linux-arm64 triple=aarch64-unknown-linux-musl ;;
	*) fail "there is no agent for $(uname -m)" ;;
	esac
	for version in 2.1.197 "$(npm view @anthropic-ai/claude-code dist-tags.latest)"; do
		[ "$version" = "$(pinned_version @anthropic-ai/claude-code)" ] && continue
		install_version claude "$version" "@anthropic-ai/claude-code-$arch@$version" \
			"@anthropic-ai/claude-code-$arch/claude"
		wanted+=("claude-$version")
	done
	version=$(npm view @openai/codex dist-tags.latest)
	if [ "$version" != "$(pinned_version @openai/codex)" ]; then
		install_version codex "$version" "@openai/codex@$version-$arch" \
			"@openai/codex/vendor/$triple/bin/codex"
		wanted+=("codex-$version")
	fi
	for old in build/versions/*; do
		[[ " ${wanted[*]} " == *" ${old##*/} "* ]] || rm -rf "$old"
	done
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
	install_versions
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
	install_versions
	build
	say "running the tests"
	exec make -s -j"$(nproc)" test
	;;
*)
	fail "usage: ./setup.sh demo | test | deps | bench"
	;;
esac
