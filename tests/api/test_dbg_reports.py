import pytest
from server.actor import Role
pytestmark = pytest.mark.anyio
async def test_csv(console, company):
    from server.reporting import http
    a = await console.get("/api/reports/clauses/sheet.csv", headers=company.people[Role.AUDITOR].headers)
    print(a.text[:3000])
    assert a.status_code == 200
    a = await console.get("/api/reports/clauses/sheet.xlsx", headers=company.people[Role.AUDITOR].headers)
    assert a.status_code == 200
    a = await console.get("/api/reports/clauses/X/clocks.csv", headers=company.people[Role.AUDITOR].headers)
    assert a.status_code == 200
    a = await console.get("/api/reports/ratios", headers=company.people[Role.AUDITOR].headers)
    print(a.text)
    assert a.status_code == 200
    for one in a.json()["ratios"]:
        for part in ("numerator","denominator","missed","undecided"):
            b = await console.get(f"/api/reports/ratios/{one['id']}/members?part={part}", headers=company.people[Role.AUDITOR].headers)
            assert b.status_code == 200, b.text
