/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "error.h"

bool vmm_fail(struct vmm_error *error, int status, const char *text, ...)
{
	va_list ap;

	error->status = status;
	va_start(ap, text);
	vsnprintf(error->text, sizeof(error->text), text, ap);
	va_end(ap);
	return false;
}
