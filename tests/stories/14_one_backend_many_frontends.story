# One probe task per backend, however many frontends use it; each frontend has its own weight, pool and flush.

check web interval=2s rise=1 fall=1
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
frontend www 192.0.2.1 primary: b1=100 fallback: b2=7
frontend api 192.0.2.2 no-flush only: b1=20 b2=30
frontend old 192.0.2.3 only: b1=0

start
         probe b1 L4OK b2 L4OK
         expect told b1 unknown -> up L4OK www 0->100 api 0->20 old 0->0
         expect told b2 unknown -> up L4OK www 0->0 api 0->30
         expect old down b1=0
t=1s     probe b1 L4CON
         expect told b1 up -> down L4CON www 100->0 flush api 20->0 old 0->0 flush
         expect www up pool=fallback b1=0 b2=7
         expect api up b1=0 b2=30
t=2s     probe b1 L4OK b2 L4CON
         expect told b1 down -> up L4OK www 0->100 api 0->20 old 0->0
         expect told b2 up -> down L4CON www 7->0 flush api 30->0
         expect www up pool=primary b1=100 b2=0
         expect api up b1=20 b2=0
