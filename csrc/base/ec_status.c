#include "ec_status.h"

const char *ec_status_name(int32_t status)
{
    switch (status) {
#define EC_STATUS_CASE(name, value, text) case (value): return #name;
    EC_STATUS_TABLE(EC_STATUS_CASE)
#undef EC_STATUS_CASE
    default: return "UNKNOWN";
    }
}

const char *ec_status_text(int32_t status)
{
    switch (status) {
#define EC_STATUS_CASE(name, value, text) case (value): return text;
    EC_STATUS_TABLE(EC_STATUS_CASE)
#undef EC_STATUS_CASE
    default: return "an unknown status";
    }
}
