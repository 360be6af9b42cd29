# What the pipeline's scripts share. They run at the top of the repository.
# shellcheck shell=bash

# souk is the program that the scripts ask.
souk=${SOUK:-bin/souk}

# say writes one line of log: what is done, before it is.
say() { printf '%s  %s\n' "$(date -u +%H:%M:%S)" "$*" >&2; }

# fail says what went wrong, and what to do, and ends the script.
fail() {
	say "ERROR: $*"
	exit 1
}

# need NAME... ends the script unless all these variables are set.
need() {
	local name
	for name; do
		[[ -n ${!name:-} ]] || fail "$name is not set. docs/rollout.md says what the scripts want."
	done
}

# cloud ARGUMENT... runs gcloud in the project, and asks no questions.
cloud() { gcloud "$@" --project="$PROJECT_ID" --quiet; }

# image_of SERVICE prints its image, by digest, as deploy/images wrote it down.
image_of() {
	local service image
	while read -r service image _ || [[ -n $service ]]; do
		[[ $service != "$1" ]] || {
			printf '%s\n' "$image"
			return
		}
	done <"$IMAGES"
	fail "there is no image of $1 in $IMAGES: run deploy/images first"
}

# read_state SERVICE writes to $work/SERVICE.state what souk reads in the description of a
# Cloud Run service: revisions, image and traffic.
read_state() {
	# shellcheck disable=SC2154 # the script that calls it has a folder for its files
	cloud run services describe "$1" --region="$REGION" --format=json >"$work/$1.json" &&
		"$souk" rollout state <"$work/$1.json" >"$work/$1.state"
}

# each ACTION NAME... runs an action for every name, some at a time, to the end even
# when one fails; then it fails. An action chains its commands by && or ||: the shell
# does not stop it at an error, because the caller reads its exit status.
each() {
	local action=$1 name running=0 failed=0
	shift
	for name; do
		if ((running >= ${PARALLEL:-8})); then
			wait -n || failed=1
			running=$((running - 1))
		fi
		"$action" "$name" &
		running=$((running + 1))
	done
	for ((; running > 0; running--)); do
		wait -n || failed=1
	done
	return "$failed"
}
