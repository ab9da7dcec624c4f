/* SPDX-License-Identifier: BSD-2-Clause */
/* The facts that a line of a log adds to an incident: syndromes, addresses, registers, the instruction. */
#include <ctype.h>
#include <string.h>

#include "explain.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define ONE(message) (1u << MESSAGE_##message)
#define VMM          (ONE(VMM_ENOSYS) | ONE(VMM_EFAULT) | ONE(VMM_NISV))

/* A hexadecimal number behind a text, in an incident of these messages. */
static const struct {
	const char *text;
	unsigned messages;
	uint8_t fact;
} numbers[] = {
	{"ESR_EL2=", ONE(HOST_FSC), FACT_ESR},
	{"hva ", ONE(HOST_MAP), FACT_HVA},
	{"fault at ", ONE(HOST_MEMORY), FACT_HVA},
	{"Memory failure: ", ONE(HOST_MEMORY), FACT_PFN},
	{"QEMU addr ", ONE(HOST_MEMORY), FACT_HVA},
	{"GUEST addr ", ONE(HOST_MEMORY), FACT_IPA},
	{"ipa ", ONE(TRACE_NISV), FACT_IPA},
	{"esr ", ONE(TRACE_NISV), FACT_ESR},
	{"far ", ONE(TRACE_NISV), FACT_FAR},
	{"pc ", ONE(TRACE_NISV), FACT_PC},
	{"PC=", VMM | ONE(HOST_NISV) | ONE(HOST_FSC) | ONE(HOST_MAP), FACT_PC},
	{"unregistered address ", ONE(VMM_HOLE), FACT_IPA},
	{"Ignoring MMIO read at ", ONE(VMM_HOLE), FACT_IPA},
	{"Ignoring MMIO write at ", ONE(VMM_HOLE), FACT_IPA},
	{"Invalid read at addr ", ONE(VMM_HOLE), FACT_IPA},
	{"Invalid write at addr ", ONE(VMM_HOLE), FACT_IPA},
	{"virtual address ", EXPLAIN_GUEST, FACT_FAR},
	{") at ", ONE(GUEST_UNHANDLED), FACT_FAR},
	{"ESR = ", EXPLAIN_GUEST, FACT_ESR},
	{"ESR ", ONE(GUEST_USER), FACT_ESR},
	{", code ", ONE(GUEST_SERROR), FACT_ESR},
	{"FAR = ", EXPLAIN_GUEST, FACT_FAR},
	{"FAR: ", EXPLAIN_GUEST, FACT_FAR},
	{"pc : [<", EXPLAIN_GUEST, FACT_PC},
	{"pc : ", EXPLAIN_GUEST, FACT_PC},
};

static bool word_character(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* A text at the beginning of a word, so that "MPC=" is no PC. */
const char *explain_match(const char *line, const char *text)
{
	const char *at = line;

	while ((at = strstr(at, text))) {
		if (at == line || !word_character(at[-1]) || !word_character(*text))
			return at;
		at++;
	}
	return NULL;
}

/* 1 to 16 digits with or without 0x, and no letter or digit after them. Returns what follows, or NULL. */
const char *explain_hex(const char *at, uint64_t *value)
{
	const char *begin;

	if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
		at += 2;
	*value = 0;
	for (begin = at; isxdigit((unsigned char)*at); at++) {
		if (at - begin == 16)
			return NULL;
		*value = *value << 4 |
			 (uint64_t)(isdigit((unsigned char)*at) ? *at - '0' : (*at | 0x20) - 'a' + 10);
	}
	return at == begin || word_character(*at) ? NULL : at;
}

/* Messages printed twice, as by the console and the journal, must not change what is known. */
void explain_take(struct incident *incident, enum explain_fact fact, uint64_t value)
{
	/* An AArch32 kernel prints a DFSR where an AArch64 one prints an ESR; it has no exception class. */
	if (fact == FACT_ESR && !SV_EC(value))
		return;
	if (!knows(incident, fact))
		learn(incident, fact, value);
}

/*
 * "Internal error: synchronous external abort: 0000000096000010 [#1] SMP", old: "Internal error: : 96000210
 * [#1]".
 */
bool explain_take_oops(struct incident *incident, const char *line)
{
	const char *begin = explain_match(line, "Internal error: "),
		   *end = begin ? strstr(begin, " [#") : NULL;
	const char *at = end;
	uint64_t value;

	if (!end)
		return false;
	while (at > begin && isxdigit((unsigned char)at[-1]))
		at--;
	if (at == begin || at[-1] != ' ' || explain_hex(at, &value) != end)
		return false;
	explain_take(incident, FACT_ESR, value);
	return true;
}

/* "Unhandled fault: synchronous external abort (0x96000210) at 0x..." */
static void take_parenthesis(struct incident *incident, const char *line)
{
	const char *at = strstr(line, "(0x");
	uint64_t value;

	if (at && (at = explain_hex(at + 1, &value)) && *at == ')')
		explain_take(incident, FACT_ESR, value);
}

/* "Code: aa1303e0 97fff1d2 (b9000001) 52800000": the word in parentheses is the one at the PC. */
static bool take_code(struct incident *incident, const char *line)
{
	const char *at = explain_match(line, "Code: ");
	uint64_t value;

	at = at ? strchr(at, '(') : NULL;
	if (!at || !(at = explain_hex(at + 1, &value)) || *at != ')' || value > UINT32_MAX)
		return false;
	explain_take(incident, FACT_INSN, value);
	return true;
}

/* "pc : readl+0x0/0x18": a symbol where newer kernels print no address. */
static bool take_symbol(struct incident *incident, const char *line)
{
	const char *at = explain_match(line, "pc : ");
	uint64_t value;
	size_t length;

	if (!at || incident->symbol[0])
		return false;
	at += strlen("pc : ");
	if (*at == '[' || explain_hex(at, &value))
		return false;
	length = strcspn(at, " ");
	if (!length || length >= sizeof(incident->symbol))
		return false;
	memcpy(incident->symbol, at, length);
	incident->symbol[length] = 0;
	return true;
}

/* "x29: ffff800080003e60 x28: ..." of Linux and "X00=0000000000000000 X01=..." of QEMU. */
static bool take_registers(struct incident *incident, const char *line)
{
	bool any = false;

	for (const char *at = line; *at; at++) {
		unsigned number = 0, digits = 0;
		const char *behind = at + 1;
		uint64_t value;

		if ((*at != 'x' && *at != 'X') || (at > line && word_character(at[-1])))
			continue;
		for (; isdigit((unsigned char)*behind) && digits < 3; digits++)
			number = number * 10 + (unsigned)(*behind++ - '0');
		while (*at == 'x' && *behind == ' ')
			behind++;
		if (!digits || number > 30 || *behind != (*at == 'x' ? ':' : '='))
			continue;
		behind++;
		while (*behind == ' ')
			behind++;
		if (!explain_hex(behind, &value) || incident->x_known >> number & 1)
			continue;
		incident->x[number] = value;
		incident->x_known |= UINT32_C(1) << number;
		any = true;
	}
	return any;
}

bool explain_take_facts(struct incident *incident, const char *line)
{
	unsigned before = incident->known;
	bool any = false;

	for (size_t i = 0; i < COUNT(numbers); i++) {
		const char *at;
		uint64_t value;

		if (!(incident->messages & numbers[i].messages) || knows(incident, numbers[i].fact))
			continue;
		at = explain_match(line, numbers[i].text);
		if (at && explain_hex(at + strlen(numbers[i].text), &value))
			explain_take(incident, numbers[i].fact, value);
	}
	if (incident->messages & EXPLAIN_GUEST) {
		explain_take_oops(incident, line);
		take_parenthesis(incident, line);
		any |= take_code(incident, line);
		any |= take_symbol(incident, line);
	}
	if (incident->messages & (EXPLAIN_GUEST | VMM))
		any |= take_registers(incident, line);
	return any || incident->known != before;
}

/* "kvm [1234]: ..." */
bool explain_take_pid(const char *line, uint64_t *pid)
{
	const char *at = explain_match(line, "kvm [");

	if (!at)
		return false;
	*pid = 0;
	for (at += strlen("kvm ["); isdigit((unsigned char)*at) && *pid < 1000000000; at++)
		*pid = *pid * 10 + (uint64_t)(*at - '0');
	return *at == ']';
}
