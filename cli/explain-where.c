/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device tree has at an address, in words, and what to check where it has nothing. */
#include <stdarg.h>
#include <stdlib.h>

#include "explain.h"

char *explain_text(bool *ok, const char *format, ...)
{
	va_list ap;
	char *out;

	va_start(ap, format);
	if (vasprintf(&out, format, ap) < 0) {
		out = NULL;
		*ok = false;
	}
	va_end(ap);
	return out;
}

static char *guess(const struct place *place, uint64_t address, bool *ok)
{
	const struct place_region *region = &place->guessed;

	switch (place->guess) {
	case GUESS_UNTRANSLATED:
		if (!place->meant)
			return explain_text(
				ok,
				" A guess: %s has this address in its reg property, but a bus above it has no "
				"ranges property, so that the CPU cannot reach it; give the bus a ranges property.",
				region->path);
		return explain_text(
			ok,
			" A guess: this is what the reg property of %s says, before the ranges property of its bus "
			"moves it to 0x%08llx; the driver left out that step.",
			region->path, (unsigned long long)place->meant);
	case GUESS_HIGH_BITS:
		return explain_text(
			ok,
			" A guess: %s has the same address in its lower 32 bits, 0x%llx; the upper half of a 64-bit "
			"address was lost or is false.",
			region->path, (unsigned long long)place->meant);
	case GUESS_DIGIT:
		return explain_text(ok,
				    " A guess: %s is at 0x%llx, which is 0x%llx with one zero more or less.",
				    region->path, (unsigned long long)region->first,
				    (unsigned long long)address);
	case GUESS_ONE_BIT:
		return explain_text(ok, " A guess: 0x%llx, which differs in one bit, would be in %s.",
				    (unsigned long long)place->meant, region->path);
	case GUESS_ONE_DIGIT:
		return explain_text(ok, " A guess: 0x%08llx, which differs in one digit, would be in %s.",
				    (unsigned long long)place->meant, region->path);
	case GUESS_NONE:
		break;
	}
	return NULL;
}

/* What a hole is likely to be, the likeliest first. */
enum story { STORY_UNTRANSLATED, STORY_PAST_RAM, STORY_PAST_DEVICE, STORY_GUESS, STORY_NEAREST, STORY_EMPTY };

static enum story story(const struct place *place, uint64_t address, const struct place_region **near,
			bool *above)
{
	*near = vmm_tree_nearest(place, address, above);
	if (place->guess == GUESS_UNTRANSLATED)
		return STORY_UNTRANSLATED;
	if (place->ram_known && address - place->ram.last - 1 < PLACE_JUST_PAST)
		return STORY_PAST_RAM;
	if (*near && !*above && address - (*near)->last - 1 < PLACE_JUST_PAST)
		return STORY_PAST_DEVICE;
	if (place->guess != GUESS_NONE)
		return STORY_GUESS;
	return *near ? STORY_NEAREST : STORY_EMPTY;
}

static char *where_in_hole(const struct account *account, bool *ok)
{
	const struct place *place = &account->place;
	const struct place_region *near, *ram = &place->ram;
	unsigned long long address = account->address, gap, below_ram = address - ram->last - 1;
	bool above = false;
	enum story tale = story(place, address, &near, &above);

	if (tale == STORY_PAST_RAM)
		return explain_text(
			ok, "0x%08llx is 0x%llx bytes past the end of the memory of %s (0x%08llx-0x%08llx).",
			address, below_ram, ram->path, (unsigned long long)ram->first,
			(unsigned long long)ram->last);
	if (!near)
		return explain_text(
			ok,
			"Nothing is at 0x%08llx in this device tree, which has no device that the CPU can reach.",
			address);
	gap = above ? near->first - address : address - near->last - 1;
	if (tale == STORY_PAST_DEVICE)
		return explain_text(
			ok,
			"Nothing is at 0x%08llx in this device tree: it is 0x%llx bytes past the end of %s "
			"(0x%08llx-0x%08llx).",
			address, gap, near->path, (unsigned long long)near->first,
			(unsigned long long)near->last);
	if (place->ram_known && below_ram < gap)
		return explain_text(
			ok,
			"Nothing is at 0x%08llx in this device tree: the memory of %s ends 0x%llx bytes below, at "
			"0x%08llx; the nearest device is %s at 0x%08llx-0x%08llx.",
			address, ram->path, below_ram, (unsigned long long)ram->last, near->path,
			(unsigned long long)near->first, (unsigned long long)near->last);
	return explain_text(
		ok,
		"Nothing is at 0x%08llx in this device tree; the nearest device is %s at 0x%08llx-0x%08llx, 0x%llx "
		"bytes %s.",
		address, near->path, (unsigned long long)near->first, (unsigned long long)near->last, gap,
		above ? "above" : "below");
}

static char *where(const struct account *account, bool *ok)
{
	const struct place *place = &account->place;
	const struct place_region *at = &place->at;
	unsigned long long address = account->address, offset = address - at->first;

	switch (place->kind) {
	case PLACE_DEVICE:
		return explain_text(
			ok, "0x%08llx is offset 0x%llx of %s (0x%08llx-0x%08llx)%s.", address, offset,
			at->path, (unsigned long long)at->first, (unsigned long long)at->last,
			at->disabled ? ", which the device tree marks as disabled: nothing need be there"
			: at->controller
				? ", an interrupt controller: if it is KVM's own, the access never reaches the VMM's devices"
				: "");
	case PLACE_PCI:
		return explain_text(
			ok,
			"0x%08llx is offset 0x%llx of a window of the PCI host bridge %s (0x%08llx-0x%08llx), in which "
			"the guest places BARs: see /proc/iomem or lspci -v in the guest for the device.",
			address, offset, at->path, (unsigned long long)at->first,
			(unsigned long long)at->last);
	case PLACE_MEMORY:
		return explain_text(
			ok,
			"0x%08llx is offset 0x%llx of the memory of %s (0x%08llx-0x%08llx). KVM reports accesses outside "
			"memslots only, so the VMM has no memory there, or write-protects it.",
			address, offset, at->path, (unsigned long long)at->first,
			(unsigned long long)at->last);
	case PLACE_HOLE:
	case PLACE_NONE:
		break;
	}
	return where_in_hole(account, ok);
}

char *explain_where(const struct account *account, bool *ok)
{
	const struct place *place = &account->place;
	char *text = where(account, ok), *hunch = NULL, *all;
	const struct place_region *near;
	bool above;

	if (place->kind == PLACE_HOLE) {
		enum story tale = story(place, account->address, &near, &above);

		if (tale == STORY_UNTRANSLATED || tale == STORY_GUESS)
			hunch = guess(place, account->address, ok);
	}
	all = explain_text(
		ok, "%s%s%s%s",
		account->assumed
			? "The virtual address is taken for the physical one, which is right only where the "
			  "guest runs with its MMU off or an identity map. "
			: "",
		text ? text : "", hunch ? hunch : "",
		place->cut ? " (The device tree is too large to be searched to its end.)" : "");
	free(text);
	free(hunch);
	return all;
}

/* The last word on a misconfigured guest: what to look at, in this order. */
char *explain_where_todo(const struct account *account, bool *ok)
{
	const struct place *place = &account->place;
	unsigned long long address = account->address;
	const struct place_region *near;
	bool above;

	switch (place->kind) {
	case PLACE_DEVICE:
		if (place->at.disabled)
			return explain_text(
				ok,
				"set status = \"okay\" for %s if the VMM does have this device, else keep the driver from it.",
				place->at.path);
		return NULL;
	case PLACE_PCI:
		return NULL;
	case PLACE_MEMORY:
		return explain_text(
			ok,
			"give the VM as much memory as %s says, or correct that node: the guest was told of memory that the "
			"VMM did not back.",
			place->at.path);
	case PLACE_HOLE:
	case PLACE_NONE:
		break;
	}
	switch (story(place, address, &near, &above)) {
	case STORY_PAST_RAM:
		return explain_text(
			ok,
			"the guest ran past the end of its memory: check the reg property of %s, and the memory size "
			"that the guest's boot loader or linker script takes for granted.",
			place->ram.path);
	case STORY_PAST_DEVICE:
		return explain_text(
			ok,
			"nothing is at 0x%08llx: check the size in the reg property of %s, and the register offset that "
			"the driver adds to its base address.",
			address, near->path);
	case STORY_UNTRANSLATED:
	case STORY_GUESS:
		return explain_text(
			ok,
			"nothing is at 0x%08llx; %s may be meant: check its reg property, the ranges properties above "
			"it, and the driver's base address.",
			address, place->guessed.path);
	case STORY_NEAREST:
		return explain_text(
			ok,
			"nothing is at 0x%08llx in this device tree; the nearest device is %s at 0x%08llx; check the reg "
			"property of %s, or the driver's base address.",
			address, near->path, (unsigned long long)near->first, near->path);
	case STORY_EMPTY:
		break;
	}
	return explain_text(
		ok, "nothing is at 0x%08llx: check that this is the device tree that the guest was given.",
		address);
}
