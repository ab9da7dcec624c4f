/* SPDX-License-Identifier: BSD-2-Clause */
/* salvage ledger offline: an unclaimed error leaves the host's page in use, for the next guest to find. */
#include <inttypes.h>
#include <stdio.h>

#include "../src/ras/offline.h"
#include "ledger.h"

struct wanted {
	uint64_t gpa, hva;
	bool known, found;
};

/* The latest sighting wins: the list is in the order of time. */
static void look(void *opaque, const struct sv_ledger_sighting *sighting)
{
	struct wanted *wanted = opaque;

	if (!sighting->page.latest || sighting->page.kind != SV_RAS_BY_GPA ||
	    sighting->page.address != wanted->gpa)
		return;
	wanted->known = true;
	if (sighting->error.valid & SV_RAS_HVA) {
		wanted->found = true;
		wanted->hva = sighting->error.hva;
	}
}

static int find_address(struct sv_ledger *ledger, const struct ledger_options *options, uint64_t *hva)
{
	struct wanted wanted = {0};
	enum sv_status status;

	if (!ledger_address(options, &wanted.gpa))
		return CLI_USAGE;
	wanted.gpa &= ~(SV_RAS_PAGE - 1);
	status = sv_ledger_sightings(ledger, options->vm, look, &wanted);
	if (status != SV_OK)
		return ledger_failed(ledger, status);
	if (!wanted.known)
		return cli_fail(1, options->argument,
				"no error on this page is known in the VM's latest start");
	if (!wanted.found)
		return cli_fail(1, options->argument,
				"its record has no address in the VMM's process; give it with --hva=ADDRESS");
	*hva = wanted.hva;
	return 0;
}

int ledger_offline(struct sv_ledger *ledger, const struct ledger_options *options)
{
	char pagemap[64], why[256];
	struct offline_files files = {pagemap, "/sys/devices/system/memory/hard_offline_page",
				      "/sys/devices/system/memory/soft_offline_page"};
	uint64_t hva = options->hva, physical;

	if (!options->has_hva) {
		int status = find_address(ledger, options, &hva);

		if (status)
			return status;
	}
	snprintf(pagemap, sizeof(pagemap), "/proc/%" PRIu64 "/pagemap", options->pid);
	if (!offline_find(&files, hva, &physical, why, sizeof(why)) ||
	    !offline_page(&files, physical, !options->soft, options->dry, why, sizeof(why)))
		return cli_fail(CLI_UNAVAILABLE, "offline", "%s", why);
	printf("%s host page 0x%" PRIx64 ", address 0x%" PRIx64 " of process %" PRIu64 "\n",
	       options->dry ? "would take out of service:" : "out of service:", physical, hva, options->pid);
	return 0;
}
