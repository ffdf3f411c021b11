#!/usr/bin/env bash
# Who may do what on the topics of a prefix. Only operators write flow commands: what is published decides what
# customers are sent. Running it again changes nothing.
#
#   deploy/acls.sh --bootstrap HOST:PORT [--command-config FILE] [--prefix attesa] [--dry-run]
#
# Principals come from the environment, several separated by blanks:
#   ATTESA_ACL_OPERATORS    User:attesa-operator      publish, apply topics, import, read everything
#   ATTESA_ACL_PLATFORMS    User:attesa-platform      write what happened
#   ATTESA_ACL_WORKERS      User:attesa-worker        decide
#   ATTESA_ACL_TICKERS      User:attesa-ticker        let time pass
#   ATTESA_ACL_DISPATCHERS  User:attesa-dispatcher    send, say what became of it
#   ATTESA_ACL_PROJECTORS   User:attesa-projector     read facts
#
# KAFKA_ACLS is Kafka's own tool (kafka-acls.sh). The brokers need an authorizer, and
# allow.everyone.if.no.acl.found=false.
set -euo pipefail

bootstrap='' prefix=attesa dry_run='' config=()
while (($#)); do
  case $1 in
    --bootstrap) bootstrap=${2:?--bootstrap needs HOST:PORT}; shift 2 ;;
    --command-config) config=(--command-config "${2:?--command-config needs a file}"); shift 2 ;;
    --prefix) prefix=${2:?--prefix needs a name}; shift 2 ;;
    --dry-run) dry_run=yes; shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "acls.sh: unknown option $1; --help lists all" >&2; exit 2 ;;
  esac
done
[[ $bootstrap ]] || { echo 'acls.sh: --bootstrap HOST:PORT is needed' >&2; exit 2; }

read -ra tool <<<"${KAFKA_ACLS:-kafka-acls.sh}"
read -ra operators <<<"${ATTESA_ACL_OPERATORS:-User:attesa-operator}"
read -ra platforms <<<"${ATTESA_ACL_PLATFORMS:-User:attesa-platform}"
read -ra workers <<<"${ATTESA_ACL_WORKERS:-User:attesa-worker}"
read -ra tickers <<<"${ATTESA_ACL_TICKERS:-User:attesa-ticker}"
read -ra dispatchers <<<"${ATTESA_ACL_DISPATCHERS:-User:attesa-dispatcher}"
read -ra projectors <<<"${ATTESA_ACL_PROJECTORS:-User:attesa-projector}"

# allow "OPERATION …" "TOPIC …" PRINCIPAL… — on topics of the prefix
allow() {
  local arguments=() operation topic principal
  for operation in $1; do arguments+=(--operation "$operation"); done
  for topic in $2; do arguments+=(--topic "$prefix.$topic"); done
  for principal in "${@:3}"; do arguments+=(--allow-principal "$principal"); done
  run "${arguments[@]}"
}

# allow_prefixed "OPERATION …" group|transactional-id PRINCIPAL… — on names that begin with the prefix and a dash
allow_prefixed() {
  local arguments=(--resource-pattern-type prefixed "--$2" "$prefix-") operation principal
  for operation in $1; do arguments+=(--operation "$operation"); done
  for principal in "${@:3}"; do arguments+=(--allow-principal "$principal"); done
  run "${arguments[@]}"
}

run() {
  if [[ $dry_run ]]; then
    echo "${tool[@]}" --bootstrap-server "$bootstrap" "${config[@]}" --add "$@"
  else
    "${tool[@]}" --bootstrap-server "$bootstrap" "${config[@]}" --add --force "$@" >/dev/null
  fi
}

all='inbound flows facts commands state keys attempts dead-letters imports'
readers=("${operators[@]}" "${workers[@]}" "${tickers[@]}" "${dispatchers[@]}" "${projectors[@]}")

# Flow commands: operators write, every process of Attesa reads.
allow 'Write' 'flows' "${operators[@]}"
allow 'Read Describe' 'flows' "${readers[@]}"

# What happened. Ticks and outcomes come the same way.
allow 'Write Describe' 'inbound' "${platforms[@]}" "${tickers[@]}" "${dispatchers[@]}" "${operators[@]}"
allow 'Read Describe' 'inbound' "${workers[@]}" "${dispatchers[@]}"

# What was decided, in transactions.
allow 'Write Describe' 'facts commands dead-letters' "${workers[@]}"
allow 'Read Write Describe' 'state keys' "${workers[@]}"
allow_prefixed 'Write Describe' transactional-id "${workers[@]}"

allow 'Read Describe' 'commands' "${dispatchers[@]}"
allow 'Read Write Describe' 'attempts' "${dispatchers[@]}"
allow 'Read Describe' 'facts' "${projectors[@]}"

# Operators look at everything, apply topics and keep the imports' progress.
allow 'Read Describe DescribeConfigs AlterConfigs Create' "$all" "${operators[@]}"
allow 'Write' 'imports' "${operators[@]}"

# Groups: a worker's and a dispatcher's own; readers that belong to none still name one.
allow_prefixed 'Read Describe' group "${workers[@]}" "${dispatchers[@]}" "${projectors[@]}"
arguments=(--operation Read --operation Describe --group attesa-reader)
for principal in "${readers[@]}"; do arguments+=(--allow-principal "$principal"); done
run "${arguments[@]}"
