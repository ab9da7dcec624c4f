/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "explain.h"
#include "run.h"

static const char help[] =
	"usage: salvage explain [--esr=V | --nisv=V] [--ipa=V] [--far=V] [--pc=V] [--insn=V]\n"
	"                       [--dtb=FILE] [--policy=RULE|@FILE]... [--json] [LOG]\n\n"
	"Says in words what an abort was: every field of the syndrome, the instruction, why KVM could not emulate it, what\n"
	"lies at the address, what salvage would do, and what to change. Values are hexadecimal, with or without 0x.\n"
	"Without values the messages are looked for in LOG, or standard input: of a host kernel, a VMM, or a guest kernel.\n\n"
	"  --esr=V      ESR_EL2 of the abort, or ESR_EL1 as a guest prints it\n"
	"  --nisv=V     esr_iss of KVM_EXIT_ARM_NISV\n"
	"  --ipa=V      guest physical address (fault_ipa)\n"
	"  --far=V      guest virtual address\n"
	"  --pc=V       program counter\n"
	"  --insn=V     instruction word at the PC (A64)\n"
	"  --dtb=FILE   device tree of the guest\n"
	"  --policy=... rules as for salvage run\n"
	"  --json       one JSON object a line for each incident\n\n"
	"Exit status: 0; 1 if nothing was found in the log; 100 for a bad option, value or device tree; 101 if the log could not\n"
	"be read; 106 for an internal error.\n";

static const struct option options[] = {
	{"esr", required_argument, NULL, FACT_ESR},
	{"nisv", required_argument, NULL, FACT_NISV},
	{"ipa", required_argument, NULL, FACT_IPA},
	{"far", required_argument, NULL, FACT_FAR},
	{"pc", required_argument, NULL, FACT_PC},
	{"insn", required_argument, NULL, FACT_INSN},
	{"dtb", required_argument, NULL, 'd'},
	{"policy", required_argument, NULL, 'p'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

struct request {
	struct incident given;
	const char *dtb, *log;
	struct sv_policy policy;
	bool json, help;
};

static int take_value(struct request *request, enum explain_fact fact, const char *text)
{
	bool word = fact == FACT_INSN || fact == FACT_NISV;
	uint64_t value;

	if (!cli_hex(text, &value) || (word && value > UINT32_MAX))
		return cli_fail(CLI_USAGE, "explain",
				"\"%.40s\" is no value; expected up to %d hexadecimal digits", text,
				word ? 8 : 16);
	if (knows(&request->given, fact) && request->given.facts[fact] != value)
		return cli_fail(CLI_USAGE, "explain", "a value was given twice; give each option once");
	learn(&request->given, fact, value);
	return 0;
}

static int parse(int argc, char **argv, struct request *request)
{
	int option, status = 0;

	optind = 0;
	opterr = 0;
	while (!status && (option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			request->dtb = optarg;
			break;
		case 'p':
			status = run_policy_add(&request->policy, optarg);
			break;
		case 'j':
			request->json = true;
			break;
		case 'h':
			request->help = true;
			return 0;
		case ':':
			return cli_fail(CLI_USAGE, argv[optind - 1],
					"needs a value behind it; \"salvage explain --help\" shows how");
		case '?':
			return cli_fail(CLI_USAGE, argv[optind - 1],
					"no such option; \"salvage explain --help\" lists them");
		default:
			status = take_value(request, (enum explain_fact)option, optarg);
		}
	}
	if (status)
		return status;
	if (optind < argc - 1)
		return cli_fail(CLI_USAGE, argv[optind + 1],
				"one log at a time; concatenate them on standard input");
	if (optind < argc)
		request->log = argv[optind];
	if (request->log && request->given.known)
		return cli_fail(CLI_USAGE, request->log,
				"values or a log can be explained, not both; leave one out");
	if (knows(&request->given, FACT_ESR) && knows(&request->given, FACT_NISV))
		return cli_fail(CLI_USAGE, "explain",
				"--esr and --nisv are two forms of one syndrome; give the one you have");
	return 0;
}

static int read_log(const struct request *request, struct incidents *incidents)
{
	const char *name = request->log ? request->log : "standard input";
	FILE *log = request->log ? fopen(request->log, "re") : stdin;
	bool done;

	if (!log)
		return cli_fail(CLI_UNAVAILABLE, name, "%s", strerror(errno));
	if (log == stdin && isatty(STDIN_FILENO))
		fprintf(stderr,
			"salvage: standard input: reading a log from the terminal; control-D ends it\n");
	done = explain_log(log, incidents);
	if (!done)
		cli_fail(CLI_UNAVAILABLE, name, "%s", strerror(errno));
	if (log != stdin)
		fclose(log);
	if (!done)
		return CLI_UNAVAILABLE;
	if (!incidents->count)
		return cli_fail(
			1, name,
			"no message of an abort found; give the log of the host's kernel, of the VMM or of the "
			"guest, or the values as options");
	return 0;
}

static int explain(const struct request *request, const struct incidents *incidents,
		   const struct vmm_tree *tree)
{
	for (size_t i = 0; i < incidents->count; i++) {
		struct account account;
		bool done = explain_account(&incidents->list[i], tree, &request->policy, &account);

		if (!done)
			;
		else if (request->json)
			done = explain_print_json(&account);
		else
			explain_print(&account, i + 1, incidents->count);
		explain_free(&account);
		if (!done)
			return cli_fail(CLI_INTERNAL, "explain",
					"out of memory, or the output could not be written");
	}
	if (fflush(stdout) || ferror(stdout))
		return cli_fail(CLI_INTERNAL, "standard output", "%s", strerror(errno));
	if (incidents->more)
		fprintf(stderr,
			"salvage: explain: %lu more incidents were found after %zu different ones; split the log to see "
			"them\n",
			incidents->more, incidents->count);
	return 0;
}

static int run(struct request *request)
{
	static struct incidents incidents;
	struct vmm_tree tree = {NULL};
	int status = 0;

	if (request->dtb) {
		const char *why = vmm_tree_load(request->dtb, &tree);

		if (why)
			return cli_fail(CLI_USAGE, request->dtb, "%s", why);
	}
	if (request->given.known) {
		incidents = (struct incidents){.count = 1};
		incidents.list[0] = request->given;
		incidents.list[0].count = 1;
	} else {
		status = read_log(request, &incidents);
	}
	if (!status)
		status = explain(request, &incidents, tree.fdt ? &tree : NULL);
	free(tree.fdt);
	return status;
}

int cli_explain(int argc, char **argv)
{
	struct request request = {.dtb = NULL};
	int status = parse(argc, argv, &request);

	if (!status && request.help)
		fputs(help, stdout);
	else if (!status)
		status = run(&request);
	free(request.policy.rules);
	return status;
}
