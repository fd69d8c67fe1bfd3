# Until a backend's first verdict it is judged by what the first full read of VPP showed; the state stays unknown.

check web interval=2s rise=2 fall=3
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
backend b3 10.0.0.3 check=web
frontend www 192.0.2.1 primary: b1=100 b2=50 fallback: b3=10

# VPP as the last daemon left it: b1 carries, b2 was down, the fallback waits.
vpp www b1=100 b2=0 b3=0
start
         expect b1 unknown
         expect www up pool=primary b1=100 b2=0 b3=0

# b2 is alive again, then b1 is heard: exactly the necessary weights move.
t=0.1s   probe b2 L4OK
         expect told b2 unknown -> up L4OK www 0->50
         expect www up pool=primary b1=100 b2=50 b3=0
t=0.2s   probe b1 L4OK
         expect told b1 unknown -> up L4OK www 100->100

# The next restart happens while the fallback carries.
vpp www b1=0 b2=0 b3=10
restart
         expect www up pool=fallback b1=0 b2=0 b3=10
t=0.1s   probe b1 L4CON
         expect told b1 unknown -> down L4CON www 0->0
         expect www up pool=fallback b3=10

# A server that died meanwhile loses its weight, with a flush, after as many failures as at any other time.
t=0.2s   probe b3 L4CON
         probe b3 L4CON
         expect b3 unknown h=2/4
         expect www up pool=fallback b3=10
         probe b3 L4CON
         expect told b3 unknown -> down L4CON www 10->0 flush

# A weight that the file does not have is left alone too, until the backend is known.
vpp www b1=37 b2=0 b3=0
restart
         expect www up pool=primary b1=37
t=0.1s   probe b1 L4OK
         expect told b1 unknown -> up L4OK www 37->100

# An operator's word is knowledge: resumed without a result, it weighs nothing.
restart
         operator pause b1
         expect told b1 unknown -> paused paused by alice www 37->0
         operator resume b1
         expect told b1 paused -> unknown resumed by alice www 0->0
         expect www unknown pool=primary b1=0
