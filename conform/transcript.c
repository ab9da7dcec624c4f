/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of a transcript: the same on every machine that behaves alike. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

/* What is near the mark belongs to the instruction under test. */
#define NEAR 64

static const char *const region_names[REGIONS] = {
	[REGION_RAM] = "ram",   [REGION_ROM] = "rom",         [REGION_EXTRA] = "extra",
	[REGION_HOLE] = "hole", [REGION_CHANNEL] = "channel", [REGION_BEYOND] = "beyond",
};

static const char *relative(char *text, const char *prefix, const char *name, uint64_t offset)
{
	if (offset)
		snprintf(text, CONFORM_ADDRESS, "%s%s+0x%" PRIx64, prefix, name, offset);
	else
		snprintf(text, CONFORM_ADDRESS, "%s%s", prefix, name);
	return text;
}

static const char *by_region(const struct conform *conform, uint64_t address, const char *prefix, char *text)
{
	for (unsigned i = 0; i < REGIONS; i++) {
		const struct conform_region *region = &conform->regions[i];

		if (address >= region->first && address - region->first < region->size)
			return relative(text, prefix, region_names[i], address - region->first);
	}
	return NULL;
}

const char *conform_address(const struct conform *conform, uint64_t address, char *text)
{
	const char *known = NULL;

	if (conform->mark && address >= conform->mark && address - conform->mark < NEAR)
		return relative(text, "", "insn", address - conform->mark);
	if (conform->vectors && address >= conform->vectors && address - conform->vectors < 0x800)
		return relative(text, "", "vector", address - conform->vectors);
	known = by_region(conform, address, "", text);
	if (!known && address >= CONFORM_ALIAS && address - CONFORM_ALIAS < UINT64_C(4) * CONFORM_GIB)
		known = by_region(conform, address - CONFORM_ALIAS, "alias:", text);
	if (!known && address >= CONFORM_WALKED && address - CONFORM_WALKED < CONFORM_GIB)
		known = relative(text, "", "walked", address - CONFORM_WALKED);
	if (!known)
		snprintf(text, CONFORM_ADDRESS, "0x%" PRIx64, address);
	return text;
}

const char *conform_errno(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{0, "0"},
		{EPERM, "EPERM"},
		{ENOENT, "ENOENT"},
		{EINTR, "EINTR"},
		{ENXIO, "ENXIO"},
		{E2BIG, "E2BIG"},
		{ENOEXEC, "ENOEXEC"},
		{EBADF, "EBADF"},
		{EAGAIN, "EAGAIN"},
		{ENOMEM, "ENOMEM"},
		{EFAULT, "EFAULT"},
		{EEXIST, "EEXIST"},
		{ENODEV, "ENODEV"},
		{EINVAL, "EINVAL"},
		{ENOTTY, "ENOTTY"},
		{ENOSYS, "ENOSYS"},
		{EHWPOISON, "EHWPOISON"},
	};
	static char number[16];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].error == error)
			return names[i].name;
	snprintf(number, sizeof(number), "errno %d", error);
	return number;
}

static void record(struct conform *conform, char kind, const char *format, va_list ap)
{
	char text[CONFORM_TEXT];

	vsnprintf(text, sizeof(text), format, ap);
	/* One record is one line, whatever a guest's string has in it. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	if (conform->out) {
		fprintf(conform->out, "%c %s\n", kind, text);
		fflush(conform->out);
	} else {
		fprintf(stderr, "salvage: conform: %s\n", text);
	}
}

void conform_line(struct conform *conform, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	record(conform, 'L', format, ap);
	va_end(ap);
}

void conform_skip(struct conform *conform, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	record(conform, 'S', why, ap);
	va_end(ap);
	exit(0);
}

void conform_die(struct conform *conform, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	record(conform, 'F', why, ap);
	va_end(ap);
	exit(CONFORM_DIED);
}

void conform_result(struct conform *conform, const char *what, int rc)
{
	if (rc < 0)
		conform_line(conform, "%s: %s", what, conform_errno(-rc));
	else
		conform_line(conform, "%s: %d", what, rc);
}

void conform_say_pc(struct conform *conform)
{
	char address[CONFORM_ADDRESS];

	conform_line(conform, "pc %s", conform_address(conform, conform_get(conform, CONFORM_PC), address));
}

static struct sv_kvm_vcpu_events pending(struct conform *conform)
{
	struct sv_kvm_vcpu_events events = {0};
	int rc = conform_vcpu_ioctl(conform, SV_KVM_GET_VCPU_EVENTS, &events);

	if (rc < 0)
		conform_die(conform, "KVM_GET_VCPU_EVENTS: %s", conform_errno(-rc));
	return events;
}

void conform_say_events(struct conform *conform)
{
	struct sv_kvm_vcpu_events events = pending(conform);

	conform_line(conform, "events: serror %u, ext_dabt %u", events.exception.serror_pending,
		     events.exception.ext_dabt_pending);
}

void conform_say_syndrome(struct conform *conform)
{
	struct sv_kvm_vcpu_events events = pending(conform);

	if (events.exception.serror_has_esr)
		conform_line(conform, "syndrome 0x%" PRIx64, events.exception.serror_esr);
	else
		conform_line(conform, "no syndrome");
}
