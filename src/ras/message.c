/* SPDX-License-Identifier: BSD-2-Clause */
/* One line for the operator: what happened, where, and what follows. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <salvage/ras.h>

struct line {
	char *text;
	size_t size, length;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
	va_list ap;
	int length;

	if (line->length >= line->size)
		return;
	va_start(ap, format);
	length = vsnprintf(line->text + line->length, line->size - line->length, format, ap);
	va_end(ap);
	if (length > 0)
		line->length += (size_t)length;
}

static void add_page(struct line *line, const struct sv_memory_error *error,
		     const struct sv_ras_answer *answer)
{
	switch (answer->kind) {
	case SV_RAS_BY_GPA:
		add(line, "the guest's page at 0x%08" PRIx64, answer->page);
		if (error->valid & SV_RAS_GVA)
			add(line, " (virtual 0x%" PRIx64 ")", error->gva);
		break;
	case SV_RAS_BY_GVA:
		add(line, "the guest's page at virtual 0x%08" PRIx64, answer->page);
		break;
	default:
		add(line, "a page that the hardware does not name");
		break;
	}
}

static void add_source(struct line *line, const struct sv_memory_error *error)
{
	add(line, "%s", sv_ras_source_name(error->source));
	if (error->vcpu != SV_RAS_NO_VCPU)
		add(line, ", vcpu %" PRIu32, error->vcpu);
	if (error->valid & SV_RAS_PC)
		add(line, ", pc 0x%" PRIx64, error->pc);
}

void sv_ras_message(const struct sv_memory_error *error, const struct sv_ras_answer *answer, char *text,
		    size_t size)
{
	struct line line = {text, size, 0};

	if (size)
		text[0] = 0;
	if ((answer->sighting == SV_RAS_REPEAT || answer->sighting == SV_RAS_SATURATED) && !answer->notice)
		return;
	add(&line, "memory error (");
	add_source(&line, error);
	add(&line, "): ");
	add_page(&line, error, answer);
	if (answer->sighting == SV_RAS_CONFIRMED)
		add(&line, " is bad, as was inferred");
	else if (error->valid & SV_RAS_INFERRED)
		add(&line, " is bad by inference from the instruction");
	else
		add(&line, " is bad");
	add(&line, "; %" PRIu32 " distinct page%s by now", answer->distinct,
	    answer->distinct == 1 ? "" : "s");
	if (answer->rule)
		add(&line, "; rule %s", answer->rule->text);
	if (answer->notice & SV_RAS_NOT_WRITTEN)
		add(&line,
		    "; the journal could not be written: %s; new pages are kept in memory until it can",
		    strerror(answer->error));
	if (answer->notice & SV_RAS_FULL)
		add(&line, "; no more pages are told apart from now on, nor recorded: raise the limit or "
			   "restart the VM");
	if (answer->notice & SV_RAS_POISON_FULL)
		add(&line, "; the poison map is full: host code may touch this page");
}
