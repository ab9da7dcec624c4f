/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger.h"

#define LEDGER_DEFAULT "/var/lib/salvage/ledger"

static const char help[] =
	"usage: salvage ledger list    [--ledger=FILE] [--vm=VM] [--all] [--json]\n"
	"       salvage ledger show    [--ledger=FILE] [--vm=VM] [--json] [ADDRESS]\n"
	"       salvage ledger metrics [--ledger=FILE] [--vm=VM]\n"
	"       salvage ledger export  [--ledger=FILE] --vm=VM [FILE]\n"
	"       salvage ledger import  [--ledger=FILE] --vm=VM FILE|-\n"
	"       salvage ledger forget  [--ledger=FILE] --vm=VM [ADDRESS]\n"
	"       salvage ledger offline [--soft] [--dry-run] --pid=PID --hva=ADDRESS\n"
	"       salvage ledger offline [--soft] [--dry-run] --pid=PID [--ledger=FILE] --vm=VM ADDRESS\n\n"
	"The ledger of the memory errors that guests have met. Journals beside it are read first.\n\n"
	"  list     the bad pages of each VM's latest start; --all: of every start\n"
	"  show     how each page came to be known, or the page of ADDRESS\n"
	"  metrics  Prometheus text format\n"
	"  export   the bad pages as a poison file, to go with a snapshot or migration\n"
	"  import   the pages of a poison file become known\n"
	"  forget   a VM's pages, or the one of ADDRESS\n"
	"  offline  takes the host's page behind an address of process PID, or behind a page of the ledger,\n"
	"           out of service: as after an uncorrected error, or with --soft after moving its content.\n"
	"           Needs root.\n\n"
	"  --ledger=FILE  default: $SALVAGE_LEDGER, else " LEDGER_DEFAULT "\n"
	"  --vm=VM        a name or UUID\n"
	"  --json         one JSON object a line\n"
	"  --dry-run      check everything, change nothing\n\n"
	"Exit status: 0; 1 if it could not be done; 100 for wrong usage; 101 without permission or kernel\n"
	"support.\n";

/* What a subcommand takes besides --ledger. */
enum takes {
	TAKES_ALL = 1 << 0,
	TAKES_JSON = 1 << 1,
	TAKES_ARGUMENT = 1 << 2,
	NEEDS_ARGUMENT = 1 << 3 | TAKES_ARGUMENT,
	NEEDS_VM = 1 << 4,
	TAKES_HOST = 1 << 5, /* --pid, --hva, --soft, --dry-run */
	MAKES = 1 << 6,      /* a ledger that is not there is made */
};

static const struct subcommand {
	const char *name;
	int (*run)(struct sv_ledger *ledger, const struct ledger_options *options);
	unsigned takes;
} subcommands[] = {
	{"list", ledger_list, TAKES_ALL | TAKES_JSON},
	{"show", ledger_show, TAKES_JSON | TAKES_ARGUMENT},
	{"metrics", ledger_metrics, 0},
	{"export", ledger_export, NEEDS_VM | TAKES_ARGUMENT},
	{"import", ledger_import, NEEDS_VM | NEEDS_ARGUMENT | MAKES},
	{"forget", ledger_forget, NEEDS_VM | TAKES_ARGUMENT},
	{"offline", ledger_offline, TAKES_HOST | TAKES_ARGUMENT},
};

int ledger_failed(struct sv_ledger *ledger, enum sv_status status)
{
	return cli_fail(status == SV_MALFORMED ? CLI_USAGE : 1, "ledger", "%s", sv_ledger_error(ledger));
}

bool ledger_address(const struct ledger_options *options, uint64_t *address)
{
	if (cli_number(options->argument, address))
		return true;
	cli_fail(CLI_USAGE, options->argument, "not an address; expected a number such as 0x40001000");
	return false;
}

static bool is_there(const char *path)
{
	bool there = !access(path, F_OK);
	char pattern[4200];
	glob_t found;

	/* A journal that nobody has read yet is reason enough to begin a ledger. */
	snprintf(pattern, sizeof(pattern), "%s.*.journal*", path);
	if (!there && !glob(pattern, 0, NULL, &found)) {
		there = true;
		globfree(&found);
	}
	return there;
}

/* Opens and brings up to date; if it may only be read, what is in it has to do. */
static int open_ledger(const struct ledger_options *options, bool make, struct sv_ledger **ledger)
{
	struct sv_absorption absorbed;
	enum sv_status status;
	char text[4200];

	if (!make && !is_there(options->path))
		return cli_fail(1, options->path, "there is no ledger; --ledger=FILE names another");
	status = sv_ledger_open(options->path, SV_LEDGER_WRITE, ledger, text, sizeof(text));
	if (status == SV_SYSTEM && access(options->path, W_OK) && !access(options->path, R_OK))
		status = sv_ledger_open(options->path, SV_LEDGER_READ, ledger, text, sizeof(text));
	else if (status == SV_OK) {
		if (sv_ledger_absorb_all(*ledger, &absorbed) != SV_OK)
			cli_fail(0, "ledger", "%s", sv_ledger_error(*ledger));
		else if (absorbed.text[0])
			cli_fail(0, "ledger", "%s", absorbed.text);
	}
	if (text[0])
		cli_fail(0, "ledger", "%s", text);
	return status == SV_OK ? 0 : 1;
}

static int check(const struct subcommand *command, const struct ledger_options *options)
{
	bool argument = options->argument, host = command->takes & TAKES_HOST;

	if (argument && !(command->takes & TAKES_ARGUMENT))
		return cli_fail(CLI_USAGE, options->argument,
				"unexpected; \"salvage ledger --help\" shows how");
	if (!argument && (command->takes & NEEDS_ARGUMENT) == NEEDS_ARGUMENT)
		return cli_fail(CLI_USAGE, command->name, "which file? - is standard input");
	if (!options->vm && command->takes & NEEDS_VM)
		return cli_fail(CLI_USAGE, command->name,
				"of which VM? --vm=VM; \"salvage ledger list\" shows them");
	if ((options->all && !(command->takes & TAKES_ALL)) ||
	    (options->json && !(command->takes & TAKES_JSON)) ||
	    ((options->has_pid || options->has_hva || options->soft || options->dry) && !host))
		return cli_fail(CLI_USAGE, command->name,
				"does not take all of these options; \"salvage ledger --help\" shows how");
	if (host && (!options->has_pid || options->has_hva == argument || argument != !!options->vm))
		return cli_fail(
			CLI_USAGE, command->name,
			"expected --pid=PID, and either --hva=ADDRESS or --vm=VM and the guest's ADDRESS");
	return 0;
}

static int run(const struct subcommand *command, const struct ledger_options *options)
{
	struct sv_ledger *ledger = NULL;
	int status = check(command, options);

	if (!status && !options->has_hva)
		status = open_ledger(options, command->takes & MAKES, &ledger);
	if (!status)
		status = command->run(ledger, options);
	sv_ledger_close(ledger);
	if (!status && (fflush(stdout) || ferror(stdout)))
		return cli_fail(1, "standard output", "%s", strerror(errno));
	return status;
}

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},      {"ledger", required_argument, NULL, 'l'},
	{"vm", required_argument, NULL, 'v'},  {"all", no_argument, NULL, 'a'},
	{"json", no_argument, NULL, 'j'},      {"pid", required_argument, NULL, 'p'},
	{"hva", required_argument, NULL, 'x'}, {"soft", no_argument, NULL, 's'},
	{"dry-run", no_argument, NULL, 'd'},   {0},
};

/* 0, or the exit status plus one. */
static int parse(int argc, char **argv, struct ledger_options *options)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return 1;
		case 'l':
			options->path = optarg;
			break;
		case 'v':
			options->vm = optarg;
			break;
		case 'a':
			options->all = true;
			break;
		case 'j':
			options->json = true;
			break;
		case 's':
			options->soft = true;
			break;
		case 'd':
			options->dry = true;
			break;
		case 'p':
			options->has_pid = cli_number(optarg, &options->pid) && options->pid &&
					   options->pid <= INT32_MAX;
			if (!options->has_pid)
				return 1 + cli_fail(CLI_USAGE, optarg, "not a process number");
			break;
		case 'x':
			options->has_hva = cli_number(optarg, &options->hva);
			if (!options->has_hva)
				return 1 +
				       cli_fail(CLI_USAGE, optarg,
						"not an address; expected a number such as 0x7f0000000000");
			break;
		default:
			return 1 + cli_fail(CLI_USAGE, argv[optind - 1],
					    "not an option or its value is missing; "
					    "\"salvage ledger --help\" lists them");
		}
	}
	if (!*options->path)
		return 1 + cli_fail(CLI_USAGE, "--ledger", "the file's name is empty");
	if (argc - optind > 1)
		return 1 + cli_fail(CLI_USAGE, argv[optind + 1], "one argument too many");
	options->argument = argv[optind];
	return 0;
}

int cli_ledger(int argc, char **argv)
{
	struct ledger_options options = {.path = getenv("SALVAGE_LEDGER")};
	int status;

	if (!options.path || !*options.path)
		options.path = LEDGER_DEFAULT;
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(help, stdout);
		return 0;
	}
	if (argc < 2)
		return cli_fail(CLI_USAGE, "ledger",
				"expected list, show, metrics, export, import, forget or offline");
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(*subcommands); i++) {
		if (strcmp(argv[1], subcommands[i].name))
			continue;
		status = parse(argc - 1, argv + 1, &options);
		return status ? status - 1 : run(&subcommands[i], &options);
	}
	return cli_fail(CLI_USAGE, argv[1], "no such subcommand; \"salvage ledger --help\" lists them");
}
